#!/usr/bin/env bash
# Run on a Slurm cluster:
#   GPUS=8 GPUS_PER_NODE=8 tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [options of tools/test.py]
# CPUS_PER_TASK and SRUN_ARGS are passed to srun.
set -euo pipefail

if [ "$#" -lt 4 ]; then
    echo "usage: [GPUS=8] [GPUS_PER_NODE=8] $0 PARTITION JOB_NAME CONFIG CHECKPOINT [options of tools/test.py]" >&2
    exit 2
fi
exec "$(dirname "$0")/slurm_run.sh" test.py "$@"
