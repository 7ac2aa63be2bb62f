#!/usr/bin/env bash
# Check on one GPU what the tests check on a CPU: operators, neurons, backbones, Spike2Former, Mask
# R-CNN, mixed precision, SyncBN, a benchmark table, a short training. It takes at most 8 minutes and
# nothing from the network, prints a line a check, PASS or FAIL, and exits with 0 if all pass.
#
#   tools/dev/gpu_check.sh
#   tools/dev/gpu_check.sh --device cpu --dry      # small, on a CPU
#
#   PYTHON   interpreter (default: that of .venv, else python3)
#   WHEELS   folder of wheels that the interpreter lacks (default: .wheels); used for this run only
#
# To fill the folder for a machine that has torch and torchvision only, on a machine with network and
# the same version of Python: `python -m pip wheel --no-deps -w .wheels NAME==VERSION ...` with the
# other lines of requirements/lock.txt.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
WHEELS=${WHEELS:-.wheels}
if [ -z "${PYTHON:-}" ]; then
    PYTHON=.venv/bin/python
    [ -x "$PYTHON" ] || PYTHON=python3
fi

if compgen -G "$WHEELS/*.whl" >/dev/null; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    "$PYTHON" -m pip install --quiet --no-index --no-deps --target "$folder" "$WHEELS"/*.whl
    export PYTHONPATH=$folder${PYTHONPATH:+:$PYTHONPATH}
fi
PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} "$PYTHON" -W ignore tools/dev/gpu_check.py "$@"
