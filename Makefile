# `make demo` and `make test` set themselves up: they need Python 3.11+, make and the registry.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo serve test check long clean

demo: $(VENV)/.base
	$(BIN)/openaisle demo $(ARGS)

serve: $(VENV)/.base
	$(BIN)/openaisle serve $(ARGS)

test: check
	$(BIN)/python -m pytest -m "not long" --durations=5 $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The big counts: fault tests, both transports over the baseline, 200 true units of every scene, a
# million inputs of the fuzzer (skipped where it has no wheel).
long: $(VENV)/.dev
	-$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable ".[fuzz]"
	$(BIN)/python -m pytest -m long -s $(ARGS)
	mkdir -p build
	$(BIN)/openaisle score baseline store --seeds 1-5 --units 200 --json build/long.json --html build/long.html --markdown build/long.md

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "OpenAisle needs Python 3.11 or newer; say which with: make PYTHON=python3.11 …" or 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(BIN)/python pyproject.toml requirements.lock
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
