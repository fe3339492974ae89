# The thin front of the project: `make help`. What the checks do is written in tox.ini.

PYTHON ?= python3
VENV := .venv
PACKAGES := $(VENV)/.packages
STAMP := $(VENV)/.complete

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint fix bench lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with the locked environment and the `harness` command (no root; about 700 MB)

$(PACKAGES): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make setup PYTHON=python3.11")'
	@echo "[1/3] $(VENV): a fresh virtual environment"
	@$(PYTHON) -m venv --clear $(VENV)
	@echo "[2/3] the locked packages (the cross-compiler alone is 100 MB to download)"
	@$(VENV)/bin/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(STAMP): $(PACKAGES) pyproject.toml hatch_build.py harness/machine/core_build.py $(wildcard harness/machine/core/*)
	@echo "[3/3] harness, with its C core"
	@$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "Done: $(VENV)/bin/harness"

demo: setup ## Cut power at every flash operation of an update, with every tear
	$(VENV)/bin/harness sweep stm32f103/speck-full

test: setup ## Run the linter, the type checker and all tests
	$(VENV)/bin/tox run

lint: setup ## Run the linter and the type checker
	$(VENV)/bin/tox run -e lint,type

fix: setup ## Format, and mend what the linter can mend
	$(VENV)/bin/tox run -e fix

bench: setup ## Measure hot path, hooks and campaigns; write docs/benchmarks.md
	$(VENV)/bin/tox run -e bench

lock: ## Make requirements.lock anew from pyproject.toml
	$(PYTHON) -m venv .tox/lock
	.tox/lock/bin/pip install --disable-pip-version-check --quiet uv
	.tox/lock/bin/uv pip compile pyproject.toml --extra dev --extra robot --universal --python-version 3.11 --upgrade --generate-hashes \
		--no-emit-index-url --custom-compile-command 'make lock' --quiet --output-file requirements.lock

clean: ## Remove .venv and everything that was made here
	rm -rf $(VENV) .tox build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache harness/machine/_core.so
	find harness tests -name __pycache__ -type d -prune -exec rm -rf {} +
