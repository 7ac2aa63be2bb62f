#!/usr/bin/env bash
# Check on one GPU what the tests check on a CPU: operators, neurons, backbones, Spike2Former, Mask
# R-CNN, mixed precision, SyncBN, a benchmark table, a short training. It takes at most 8 minutes and
# nothing from the network, prints a line a check, PASS or FAIL, and exits with 0 if all pass.
#
#   tools/dev/gpu_check.sh
#   tools/dev/gpu_check.sh --device cpu --dry      # small, on a CPU
#   tools/dev/gpu_check.sh --checks benchmark      # one of them
#   tools/dev/gpu_check.sh wheels 3.12             # before, where there is a network: see WHEELS
#
#   PYTHON   interpreter (default: that of .venv, else python3)
#   WHEELS   folder (default: .wheels) of what the interpreter of the GPU machine lacks. `wheels` fills it
#            for a Python of that version, on Linux and x86-64, that has torch, torchvision and the common
#            scientific libraries. The wheels are installed for the run only.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
WHEELS=${WHEELS:-.wheels}
if [ -z "${PYTHON:-}" ]; then
    PYTHON=.venv/bin/python
    [ -x "$PYTHON" ] || PYTHON=python3
fi

# Print the pins of libraries; the argument is a regular expression of names.
pins() { grep -E "^($1)==" requirements/lock.txt | sed 's/ ;.*//'; }

fill_wheels() {
    local pure='onedl-[a-z]+|addict|ftfy|imagecorruptions-imaug|imaug|importlib-metadata|lazy-importer'
    pure+='|loguru|mat4py|model-index|modelindex|nir|ordered-set|platformdirs|prettytable|scienceplots'
    pure+='|spikingjelly|termcolor|terminaltables|wcwidth|yapf'
    local platforms=()
    for platform in manylinux_2_28 manylinux_2_27 manylinux_2_17 manylinux2014; do
        platforms+=(--platform "${platform}_x86_64")
    done
    # shellcheck disable=SC2046
    "$PYTHON" -m pip wheel --quiet --no-deps -w "$WHEELS" $(pins "$pure")
    # shellcheck disable=SC2046
    "$PYTHON" -m pip download --quiet --no-deps --only-binary=:all: --python-version "$1" \
        "${platforms[@]}" -d "$WHEELS" $(pins 'pycocotools|shapely')
    du -sh "$WHEELS"
}

main() {
    if [ "${1:-}" = wheels ]; then
        fill_wheels "${2:?wheels needs the version of Python, as 3.12}"
        return
    fi
    if compgen -G "$WHEELS/*.whl" >/dev/null; then
        TARGET=$(mktemp -d)
        trap 'rm -rf "$TARGET"' EXIT
        "$PYTHON" -m pip install --quiet --no-index --no-deps --target "$TARGET" "$WHEELS"/*.whl
        # mmpretrain loads its multimodal models if it finds transformers, and fails with transformers 5.
        # A record of version 0 in front of the installed one keeps mmpretrain from it.
        mkdir "$TARGET/transformers-0.dist-info"
        printf 'Metadata-Version: 2.1\nName: transformers\nVersion: 0\n' \
            >"$TARGET/transformers-0.dist-info/METADATA"
        export PYTHONPATH=$TARGET${PYTHONPATH:+:$PYTHONPATH}
    fi
    PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} "$PYTHON" -W ignore tools/dev/gpu_check.py "$@"
}

main "$@"
