#!/usr/bin/env bash
# Train on a Slurm cluster in as many jobs as the schedule needs:
#   GPUS=8 GPUS_PER_NODE=8 tools/slurm_submit.sh PARTITION JOB_NAME CONFIG [options of tools/train.py]
# Slurm warns the run two minutes before the time limit (or SIGNAL_SECONDS before it). The run then
# saves a checkpoint and ends with code 138, and the job puts itself into the queue again. It goes on
# from the newest checkpoint of the work dir, also after a lost node. The log is JOB_NAME-NUMBER.out.
# CPUS_PER_TASK and SRUN_ARGS are passed to srun, SBATCH_ARGS to sbatch.
set -euo pipefail

if [ "$#" -lt 3 ]; then
    echo "usage: [GPUS=8] [GPUS_PER_NODE=8] $0 PARTITION JOB_NAME CONFIG [options of tools/train.py]" >&2
    exit 2
fi
TOOLS=$(cd "$(dirname "$0")" && pwd)
export GPUS=${GPUS:-8} GPUS_PER_NODE=${GPUS_PER_NODE:-8} CPUS_PER_TASK=${CPUS_PER_TASK:-5}
words=("$@")
if [[ " $* " != *" --resume"* ]]; then
    words+=(--resume auto)
fi
# shellcheck disable=SC2086  # SBATCH_ARGS is a list of words
exec sbatch -p "$1" \
    --job-name="$2" \
    --gres="gpu:$GPUS_PER_NODE" \
    --ntasks="$GPUS" \
    --ntasks-per-node="$GPUS_PER_NODE" \
    --cpus-per-task="$CPUS_PER_TASK" \
    --signal="USR1@${SIGNAL_SECONDS:-120}" \
    --requeue \
    --open-mode=append \
    --output='%x-%j.out' \
    ${SBATCH_ARGS:-} <<JOB
#!/usr/bin/env bash
code=0
$(printf '%q ' "$TOOLS/slurm_train.sh" "${words[@]}") || code=\$?
if [ "\$code" -eq 138 ]; then  # 128 + SIGUSR1
    scontrol requeue "\$SLURM_JOB_ID"
fi
exit "\$code"
JOB
