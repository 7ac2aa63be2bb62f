#!/usr/bin/env bash
# Run a tool in several processes on this machine, by torchrun; for dist_train.sh and dist_test.sh.
# The exit code is that of the process that failed first.
#   tools/dist_run.sh TOOL PROCESSES [arguments of the tool]
# NNODES, NODE_RANK, MASTER_ADDR, MASTER_PORT and MAX_RESTARTS come from the environment.
set -euo pipefail

TOOL=$1
PROCESSES=$2
shift 2

TOOLS=$(cd "$(dirname "$0")" && pwd)
PYTHONPATH="$(dirname "$TOOLS")${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONPATH OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" MKL_NUM_THREADS="${MKL_NUM_THREADS:-1}"
address=${MASTER_ADDR:-127.0.0.1} port=${MASTER_PORT:-29500}
if [ "${MAX_RESTARTS:-0}" -gt 0 ]; then
    # Processes that start again need a new store: the old one has the addresses of dead processes.
    export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
    meeting=(--rdzv_backend=c10d --rdzv_id="$port" --rdzv_endpoint="$address:$port")
else
    meeting=(--node_rank="${NODE_RANK:-0}" --master_addr="$address" --master_port="$port")
fi
# torchrun takes the place of this shell, so that it gets the signals.
exec "${PYTHON:-python}" -m spikedense.commands.torchrun \
    --nnodes="${NNODES:-1}" \
    "${meeting[@]}" \
    --nproc_per_node="$PROCESSES" \
    --max_restarts="${MAX_RESTARTS:-0}" \
    "$TOOLS/$TOOL" "$@" --launcher pytorch
