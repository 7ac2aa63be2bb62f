#!/usr/bin/env bash
# Run on a Slurm cluster:
#   GPUS=8 GPUS_PER_NODE=8 tools/slurm_train.sh PARTITION JOB_NAME CONFIG [options of tools/train.py]
# CPUS_PER_TASK and SRUN_ARGS are passed to srun.
set -euo pipefail

if [ "$#" -lt 3 ]; then
    echo "usage: [GPUS=8] [GPUS_PER_NODE=8] $0 PARTITION JOB_NAME CONFIG [options of tools/train.py]" >&2
    exit 2
fi
exec "$(dirname "$0")/slurm_run.sh" train.py "$@"
