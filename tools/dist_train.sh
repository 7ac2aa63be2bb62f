#!/usr/bin/env bash
# Run several processes on this machine, one for each GPU (without a GPU: over gloo):
#   tools/dist_train.sh CONFIG PROCESSES [options of tools/train.py]
# For several machines set NNODES, NODE_RANK, MASTER_ADDR and MASTER_PORT.
set -euo pipefail

if [ "$#" -lt 2 ]; then
    echo "usage: $0 CONFIG PROCESSES [options of tools/train.py]" >&2
    exit 2
fi
config=$1 processes=$2
shift 2
exec "$(dirname "$0")/dist_run.sh" train.py "$processes" "$config" "$@"
