# Every target works from a fresh clone: it makes .venv first when that is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CORPUS ?= synthetic
PROFILE ?= quick
SEEDS ?= 0
DEVICE ?= auto
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
OUT ?= reports
WHERE := --corpus $(CORPUS) $(if $(ROOT),--root $(ROOT)) $(if $(OPTION),--option $(OPTION)) --profile $(PROFILE) --seeds $(SEEDS) --device $(DEVICE)

.DEFAULT_GOAL := help
.PHONY: help report test test-all test-browser lab lint format figures readme bench run clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /|/' | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'
	@echo "  options: CORPUS=emodb ROOT=path OPTION=key=value PROFILE=quick|study|paper SEEDS='0 1 2' DEVICE=auto JOBS=2 (all cores) ONLY=03"

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || { echo "Python 3.11 to 3.14 is needed"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock -e '.[dev]'
	@touch $(STAMP)

report: $(STAMP)  ## execute the notebooks, write reports/index.html
	$(BIN)/serlib report $(WHERE) --jobs $(JOBS) --out $(OUT) $(if $(ONLY),--only $(ONLY)) $(if $(RETRAIN),--retrain)

test: $(STAMP)  ## the test suite (slow and browser tests apart), two processes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup -m "not browser and not slow"

test-all: $(STAMP)  ## the slow tests too, and how much of serlib they reach
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup -m "not browser" --cov=serlib --cov-report=term --cov-fail-under=90

test-browser: $(STAMP)  ## look at the report's pages with a headless Chromium; REPORT=folder: at those there alone
	$(if $(REPORT),SERLIB_REPORT=$(REPORT)) $(BIN)/python -m pytest -m browser tests/browser$(if $(REPORT),/test_given_report.py)

lab: $(STAMP)  ## JupyterLab in notebooks/
	$(BIN)/jupyter lab --notebook-dir=notebooks

lint: $(STAMP)  ## ruff check and format (notebooks too), codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

format: $(STAMP)  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

figures: $(STAMP)  ## draw the README's gallery anew: make figures ROOT=path/to/emodb
	$(BIN)/serlib report --corpus emodb $(if $(ROOT),--root $(ROOT)) --profile study --jobs $(JOBS) --out $(OUT)
	cp $(patsubst %,$(OUT)/%,$(wildcard figures/*.png)) figures/

readme: $(STAMP)  ## write the measured parts of the README from the committed runs
	$(BIN)/python -m serlib.report.readme

run: $(STAMP)  ## fill the run store: make run METHOD='focal/mel-focal' CORPUS=emodb ROOT=...
	$(BIN)/serlib run $(if $(METHOD),--method $(METHOD) $(WHERE) $(if $(FOLDS),--folds $(FOLDS)),--list)

bench: $(STAMP)  ## speed, as ratios, into data/results/bench.json: make bench ROOT=path/to/emodb
	$(BIN)/serlib bench $(if $(ONLY),--only $(ONLY)) $(if $(ROOT),--root $(ROOT))

clean:  ## remove what the commands made, .venv apart
	rm -rf runs reports .cache .pytest_cache .ruff_cache .hypothesis .coverage
