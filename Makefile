# `env` makes the environment (.venv). Every target that needs the environment runs `env` first. `env`
# does nothing if the environment exists and the pins have not changed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Processes of `make test`. Each has one thread and needs a few GB of memory.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help env ops demo test test-slow lint format pins doctor clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: ## make the environment (no compiler is needed)
	@VENV='$(VENV)' PYTHON='$(PYTHON)' bash tools/dev/setup_env.sh

ops: ## compile mmcv's own operators into the environment (optional; 9 to 15 minutes, once)
	@VENV='$(VENV)' PYTHON='$(PYTHON)' bash tools/dev/setup_env.sh ops

demo: env ## train and test a small spiking model on a generated set; pictures in work_dirs/demo
	$(BIN)/python tools/demo.py

# Many tests start processes. Without bytecode each of them would compile the sources again (3 s).
test: export PYTHONDONTWRITEBYTECODE :=
test: env ## run the tests, without the slow ones
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests -q -m 'not slow' -n $(WORKERS) \
		--dist worksteal --durations=15

test-slow: env ## run the slow tests (second environments, longer training)
	$(BIN)/python -m pytest tests -q -m slow --durations=15

lint: env ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: env ## repair style and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

doctor: env ## say what is installed and what works
	$(BIN)/python -m spikedense.doctor

pins: env ## write requirements/lock.txt; locked versions stay (PINS=--upgrade: take the newest)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate \
		--custom-compile-command 'make pins' \
		--no-emit-package opencv-python \
		--overrides requirements/overrides.txt $(PINS) --output-file requirements/lock.txt \
		$(addprefix requirements/,bootstrap.txt build.txt runtime.txt deploy.txt dev.txt)

clean: ## remove builds and caches; keep the environment, data and work_dirs
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
