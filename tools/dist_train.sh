#!/usr/bin/env bash
# Run several processes on this machine, one for each GPU (without a GPU: over gloo):
#   tools/dist_train.sh CONFIG PROCESSES [options of tools/train.py]
# For several machines set NNODES, NODE_RANK, MASTER_ADDR and MASTER_PORT.
# With MAX_RESTARTS=3, torchrun starts all processes again up to three times if one of them ends, and
# the run goes on from its newest checkpoint: the script adds --resume auto, for the first start too.
set -euo pipefail

if [ "$#" -lt 2 ]; then
    echo "usage: $0 CONFIG PROCESSES [options of tools/train.py]" >&2
    exit 2
fi
config=$1 processes=$2
shift 2
if [ "${MAX_RESTARTS:-0}" -gt 0 ] && [[ " $* " != *" --resume"* ]]; then
    set -- "$@" --resume auto
fi
exec "$(dirname "$0")/dist_run.sh" train.py "$processes" "$config" "$@"
