# Every target makes its own environment in .venv; nothing outside this folder is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# One thread per process: small batches on two threads are tens of times slower than on one.
export OMP_NUM_THREADS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# What shows most of an agent in a minute.
DEMO := simulation receptive_fields learned embedding raster event_triggered

PYTEST_ARGS ?= -n 2 --dist worksteal

# The explorer is TypeScript. Only who changes it, and the tests, need node; what it builds is committed.
NPM := $(shell command -v npm)
EXPLORER := $(if $(NPM),explorer/node_modules/.installed)

.PHONY: help demo test test-quick test-package test-slurm lint bench docs docs-check explorer clean

help:
	@echo "make demo        the shipped agent, one minute: explorer and report, in demo/index.html"
	@echo "make test        all tests"
	@echo "make test-quick  those that need neither the game engine nor a training"
	@echo "make test-package  builds and installs the package in empty environments (asks the package index)"
	@echo "make test-slurm  jobs of a SLURM of two nodes on this machine (root, on Debian with slurm-wlm and munge)"
	@echo "make lint        ruff and mypy"
	@echo "make bench       every benchmark; each prints a ratio measured in one run"
	@echo "make docs        the documentation as a site, in build/site/index.html"
	@echo "make docs-check  runs every command and snippet of README.md and docs/"
	@echo "make explorer    builds the explorer's script from explorer/ (needs node)"
	@echo "make clean       removes .venv and what the targets above made"

demo: $(VENV)/.installed-demo
	$(BIN)/retinoscope analyze --out demo --overwrite $(DEMO:%=--only %)

test: $(VENV)/.installed-dev $(EXPLORER)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-quick: $(VENV)/.installed-dev $(EXPLORER)
	$(BIN)/python -m pytest $(PYTEST_ARGS) -m "not engine"

test-package: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m package

test-slurm: $(VENV)/.installed-dev
	PATH="$(CURDIR)/$(BIN):$$PATH" tools/try_slurm.sh

lint: $(VENV)/.installed-dev $(EXPLORER)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(if $(NPM),cd explorer && npm run --silent lint,@echo "explorer/ was left out: install node to check it")

bench: $(VENV)/.installed-dev
	@set -e; for file in benchmarks/[!_]*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

docs: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --clean
	@echo build/site/index.html

docs-check: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(PYTEST_ARGS) tests/test_docs.py

explorer: explorer/node_modules/.installed
	cd explorer && npm run --silent build

clean:
	rm -rf $(VENV) explorer/node_modules demo build .mypy_cache .pytest_cache .ruff_cache

# A stamp is newer than the two files that decide what is installed, or it is made again.
$(VENV)/.installed-demo: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[doom]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))' || \
		{ echo "the tests train an agent, and Sample Factory needs Python 3.11 or 3.12: make clean test PYTHON=python3.12"; exit 2; }
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[doom,train,examples,dev]'
	@touch $@ $(VENV)/.installed-demo

# Not `npm ci`: the lock file knows the programs of the platform it was made on alone, and `ci` would refuse the others.
explorer/node_modules/.installed: explorer/package-lock.json
	cd explorer && npm install --no-save --silent --no-audit --no-fund
	@touch $@
