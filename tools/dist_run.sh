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
# torchrun takes the place of this shell, so that it gets the signals.
exec "${PYTHON:-python}" -m spikedense.commands.torchrun \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${MASTER_PORT:-29500}" \
    --nproc_per_node="$PROCESSES" \
    --max_restarts="${MAX_RESTARTS:-0}" \
    "$TOOLS/$TOOL" "$@" --launcher pytorch
