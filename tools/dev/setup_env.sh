#!/usr/bin/env bash
# Make the environment: every pinned library, and spikedense (editable). Do nothing if the environment
# exists and the pins have not changed. With the argument `ops`, compile mmcv's own operators into it.
#
#   VENV       folder of the environment (default: .venv)
#   PYTHON     interpreter of the environment (default: python3)
#
# For `ops`:
#   MAX_JOBS   compilers at a time (default: one for each core, at most one for each 2 GB of memory)
#   FORCE_CUDA 1: compile the CUDA operators even if there is no GPU; 0: do not compile them
#
# Compiled mmcv wheels are kept in ${XDG_CACHE_HOME:-~/.cache}/spikedense, one for each combination of
# mmcv, torch, Python and CPU or CUDA. The next environment uses them again.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
ROOT=$PWD
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
STARTED=$SECONDS
CHILD=

say() { printf '[env %02d:%02d] %s\n' $(((SECONDS - STARTED) / 60)) $(((SECONDS - STARTED) % 60)) "$*"; }

fail() {
    printf '[env] stopped: %s\n' "$*" >&2
    exit 1
}

stop_child() {
    [ -z "$CHILD" ] || kill -- "-$CHILD" 2>/dev/null || true
    fail 'interrupted; run it again to continue.'
}
trap stop_child INT TERM

# Print the progress of a step: ninja's last "[12/97]" in the log, or nothing.
ninja_progress() {
    local count
    count=$(tail -c +"$1" "$LOG" | grep -oE '\[[0-9]+/[0-9]+\]' | tail -n 1 | tr -d '[]' || true)
    [ -z "$count" ] || printf ', %s objects compiled' "$count"
}

# run_step LABEL COMMAND...: run the command with its output in the log, print a line every 30 s.
run_step() {
    local label=$1 begun=$SECONDS next=30 log_start
    shift
    say "$label"
    log_start=$(($(wc -c <"$LOG") + 1))
    set -m # a separate process group, so that an interrupt reaches the compilers too
    "$@" >>"$LOG" 2>&1 </dev/null &
    CHILD=$!
    set +m
    while kill -0 "$CHILD" 2>/dev/null; do
        sleep 0.5
        if [ $((SECONDS - begun)) -ge "$next" ]; then
            say "  still running: $((SECONDS - begun)) s$(ninja_progress "$log_start")"
            next=$((next + 30))
        fi
    done
    if ! wait "$CHILD"; then
        CHILD=
        tail -c +"$log_start" "$LOG" | tail -n 20 >&2
        fail "this step failed: ${label%% (*} (see its output above and in $LOG)"
    fi
    CHILD=
}

check_python() {
    command -v "$PYTHON" >/dev/null || fail "no '$PYTHON' found; install Python 3.11+ or set PYTHON."
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "Python 3.11 or newer is needed, and $PYTHON is $("$PYTHON" -V 2>&1); set PYTHON."
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$PYTHON cannot make environments; install its venv package (Debian: python3-venv)."
}

check_compiler() {
    local include
    command -v "${CXX:-c++}" >/dev/null ||
        fail "no C++ compiler found; install g++ or set CXX."
    include=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
    [ -f "$include/Python.h" ] ||
        fail "Python's C headers are missing ($include); install them (Debian: python3-dev)."
}

# Hash what the environment depends on. The root is included, because the editable install points to it.
fingerprint() {
    { cat requirements/*.txt tools/dev/setup_env.sh setup.py && "$PYTHON" -VV && echo "$ROOT"; } |
        "$PYTHON" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'
}

is_current() {
    [ -f "$VENV/.spikedense-ready" ] && [ "$(cat "$VENV/.spikedense-ready")" = "$1" ] &&
        "$VENV/bin/python" -c '' 2>/dev/null
}

prepare_venv() {
    if [ -e "$VENV" ] && [ ! -f "$VENV/.spikedense-ready" ]; then
        [ "$VENV" = .venv ] || [ -f "$VENV/.spikedense-begun" ] || [ -z "$(ls -A "$VENV")" ] ||
            fail "$VENV is there and was not made by this script; name another folder by VENV."
        say "$VENV is incomplete: making it again"
    elif [ -e "$VENV" ]; then
        say "the pins have changed since $VENV was made: making it again"
    fi
    "$PYTHON" -m venv --clear "$VENV" || fail "$PYTHON could not make an environment in $VENV."
    : >"$VENV/.spikedense-begun"
    : >"$LOG"
}

default_jobs() {
    local cores memory_gb
    cores=$("$PYTHON" -c 'import os; print(len(os.sched_getaffinity(0)))' 2>/dev/null || echo 2)
    memory_gb=$(awk '/^MemTotal/ {print int($2 / 1048576)}' /proc/meminfo 2>/dev/null || echo 4)
    [ $((memory_gb / 2)) -ge "$cores" ] || cores=$((memory_gb / 2 > 0 ? memory_gb / 2 : 1))
    echo "$cores"
}

ops_work() {
    "$VENV/bin/python" - >>"$LOG" 2>&1 <<'PYTHON'
import torch
from mmcv.ops import nms  # without spikedense, no stand-in

boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 4.1], [8.0, 8.0, 9.0, 9.0]])
assert len(nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5)[1]) == 2
PYTHON
}

# compile_mmcv FOLDER KIND PIN: build the wheel, and keep it only if the operators are inside.
compile_mmcv() {
    local building=$1.building jobs=${MAX_JOBS:-$(default_jobs)} venv
    venv=$(cd "$VENV" && pwd)
    local settings=(MMCV_WITH_OPS=1 MAX_JOBS="$jobs" FORCE_CUDA=0 CUDA_VISIBLE_DEVICES=)
    [ "$2" = cpu ] || settings=(MMCV_WITH_OPS=1 MAX_JOBS="$jobs" FORCE_CUDA=1)
    rm -rf "$building" && mkdir -p "$building" "$venv/tmp"
    run_step "compiling mmcv's operators ($2, $jobs at a time; 9 to 15 minutes on two cores, once)" \
        env "${settings[@]}" PATH="$venv/bin:$PATH" TMPDIR="$venv/tmp" \
        "$VENV/bin/python" -m pip wheel -v --no-deps --no-build-isolation --no-cache-dir \
        --no-binary onedl-mmcv "$3" -w "$building"
    "$VENV/bin/python" -c 'import sys, zipfile
names = zipfile.ZipFile(sys.argv[1]).namelist()
sys.exit(not any(name.startswith("mmcv/_ext") for name in names))' "$building"/onedl_mmcv-*.whl ||
        fail "mmcv was built, but without its operators (see $LOG)."
    rm -rf "$1" "$venv/tmp" && mv "$building" "$1"
}

install_ops() {
    local kind=cpu key folder pin
    if [ "${FORCE_CUDA:-}" = 1 ]; then
        kind=cuda
    elif [ "${FORCE_CUDA:-}" != 0 ] &&
        "$VENV/bin/python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
        command -v nvcc >/dev/null ||
            fail 'there is a GPU but no nvcc; set FORCE_CUDA=0 for operators that run on the CPU only.'
        kind=cuda
    fi
    pin=$(grep '^onedl-mmcv==' requirements/lock.txt)
    key=$("$VENV/bin/python" -c 'import sys, sysconfig, torch
print(sys.argv[1], f"torch{torch.__version__}", sys.implementation.cache_tag,
      sysconfig.get_platform(), sep="-")' "$pin")
    folder=${XDG_CACHE_HOME:-${HOME:-$ROOT}/.cache}/spikedense/$key-$kind
    if compgen -G "$folder/onedl_mmcv-*.whl" >/dev/null; then
        run_step "installing mmcv's operators, compiled before ($kind)" \
            "$UV" pip install --compile-bytecode --python "$VENV" --no-deps --reinstall "$folder"/onedl_mmcv-*.whl
        ! ops_work || return 0
        say 'the wheel of an earlier compilation does not work here: compiling again'
    fi
    compile_mmcv "$folder" "$kind" "$pin"
    run_step "installing mmcv's operators" \
        "$UV" pip install --compile-bytecode --python "$VENV" --no-deps --reinstall "$folder"/onedl_mmcv-*.whl
    ops_work || fail "mmcv's operators were compiled but do not run (see $LOG)."
}

make_env() {
    local wanted
    wanted=$(fingerprint)
    if is_current "$wanted"; then
        say "$VENV is up to date"
        return
    fi
    say "making $VENV with $("$PYTHON" -V); the log is $VENV/setup.log"
    prepare_venv
    run_step 'installing the installer (uv)' "$VENV/bin/python" -m pip install -r requirements/bootstrap.txt
    # With bytecode, a command starts in a third of the time. uv writes none of itself, and some
    # systems (containers) forbid Python to write it later.
    run_step 'installing the pinned libraries (torch and its CUDA libraries are some GB)' \
        "$UV" pip sync --compile-bytecode --python "$VENV" requirements/lock.txt
    run_step 'installing spikedense (editable)' \
        "$UV" pip install --python "$VENV" --no-deps --no-build-isolation -e .
    run_step 'checking the environment' "$VENV/bin/python" -m spikedense.doctor
    echo "$wanted" >"$VENV/.spikedense-ready"
    say "$VENV is ready"
}

main() {
    check_python
    LOG=$VENV/setup.log
    UV=$VENV/bin/uv
    case ${1:-env} in
    env) make_env ;;
    ops)
        check_compiler
        make_env
        : >>"$LOG"
        install_ops
        say "mmcv's operators in $VENV are compiled"
        ;;
    *) fail "unknown argument '$1', expected nothing or ops." ;;
    esac
}

# `exit` on the same line: the shell must not read on in a file that an update has changed.
main "$@"; exit
