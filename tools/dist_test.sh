#!/usr/bin/env bash
# Run several processes on this machine, one for each GPU (without a GPU: over gloo):
#   tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options of tools/test.py]
# For several machines set NNODES, NODE_RANK, MASTER_ADDR and MASTER_PORT.
set -euo pipefail

if [ "$#" -lt 3 ]; then
    echo "usage: $0 CONFIG CHECKPOINT PROCESSES [options of tools/test.py]" >&2
    exit 2
fi
config=$1 checkpoint=$2 processes=$3
shift 3
exec "$(dirname "$0")/dist_run.sh" test.py "$processes" "$config" "$checkpoint" "$@"
