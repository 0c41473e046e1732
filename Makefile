# Two commands do everything: `make demo` and `make test`. Each makes the virtual environment it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
UV     := $(shell command -v uv 2>/dev/null)
ARGS   ?=

ifeq ($(UV),)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
else
INSTALL = $(UV) pip install --quiet --python $(BIN)/python
endif

N      ?= 500
SEED   ?= 1
RIVALS := .venv-rivals
BUILDER ?= docker

.PHONY: help install demo test test-all coverage chaos lint format docs image bench bench-sessions bench-tools bench-evidence \
	bench-startup lock clean
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.runtime ## The bot in .venv, ready to run

demo: $(VENV)/.runtime ## The bot at work: no Slack account, no API key, no cluster
	$(BIN)/kubeai-bot playground $(ARGS)

test: $(VENV)/.dev ## All tests but those marked long
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not long" $(ARGS)

test-all: $(VENV)/.dev ## All tests and their longer forms
	$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

coverage: $(VENV)/.dev ## All tests but those marked long, and which lines and branches they reach: three times as long
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not long" --cov --cov-report=term:skip-covered $(ARGS)

chaos: $(VENV)/.dev ## N questions while everything breaks: make chaos N=500 SEED=1
	$(BIN)/python -m tests.chaos.storm $(N) $(SEED)

lint: $(VENV)/.dev ## Style, types, import contracts, size budgets
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev ## Put the code into the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## Measurements, as ratios within one run
	$(BIN)/python benchmarks/turn.py $(ARGS)

bench-sessions: $(VENV)/.dev $(RIVALS)/.made ## The session store beside other systems' stores, on one PostgreSQL
	$(BIN)/python benchmarks/sessions.py $(RIVALS)/bin/python

bench-tools: $(VENV)/.dev ## Processor time of a look at a cluster, beside kubectl
	$(BIN)/python -m benchmarks.tools $(ARGS)

bench-evidence: $(VENV)/.dev ## What diagnose carries of a root cause, beside describe, get and logs
	$(BIN)/python -m benchmarks.evidence $(ARGS)

bench-startup: $(VENV)/.dev ## Time to ready and memory at rest
	$(BIN)/python -m benchmarks.startup $(ARGS)

image: ## The container image, with the bases of the Dockerfile
	$(BUILDER) build -t kubeai-bot:dev $(ARGS) .

docs: $(VENV)/.docs ## The documents as a site, in site/
	$(BIN)/mkdocs build --strict

lock: $(VENV)/.dev ## Pin all dependencies anew (needs uv)
	uv pip compile -q pyproject.toml --universal --generate-hashes --no-annotate --no-header --upgrade -o requirements/runtime.txt
	uv pip compile -q pyproject.toml --group test --group lint --universal --generate-hashes --no-annotate --no-header --upgrade \
		-c requirements/runtime.txt -o requirements/dev.txt
	echo hatchling | uv pip compile -q - --universal --generate-hashes --no-annotate --no-header --upgrade -o requirements/build.txt
	uv pip compile -q --group docs --universal --generate-hashes --no-annotate --no-header --upgrade \
		-c requirements/runtime.txt -o requirements/docs.txt

clean: ## Remove the virtual environment and all caches
	rm -rf $(VENV) $(RIVALS) site .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
ifeq ($(UV),)
	$(PYTHON) -m venv $(VENV)
else
	$(UV) venv --quiet --python $(PYTHON) $(VENV)
endif

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the bot needs into $(VENV): a minute or two the first time."
	@$(INSTALL) --require-hashes -r requirements/runtime.txt
	@$(INSTALL) --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	@echo "Installing the test and lint tools."
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.docs: requirements/docs.txt | $(BIN)/python
	@$(INSTALL) --require-hashes -r requirements/docs.txt
	@touch $@

$(RIVALS)/.made: benchmarks/rivals/requirements.txt | $(BIN)/python
	$(BIN)/python -m venv $(RIVALS)
	$(RIVALS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
