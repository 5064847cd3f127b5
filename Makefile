# Every target works in one virtualenv. A stamp file per requirement set makes a warm start skip pip.
PYTHON ?= python3
VENV ?= .venv
export PORT ?= 7860
INIT ?= imagenet
BIN := $(VENV)/bin

.PHONY: help demo test check lint train report

help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

demo: $(VENV)/.demo ## start the app on http://127.0.0.1:7860 (PORT=... overrides)
	$(BIN)/python app.py

test: $(VENV)/.test ## run the tests: the fast part first, then the slow and the browser part
	@echo "== fast tests =="
	$(BIN)/python -m pytest -m "not slow and not browser"
	@echo "== slow and browser tests =="
	$(BIN)/python -m pytest -m "slow or browser"

lint: $(VENV)/.test ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict pneumo app.py

check: lint ## lint, types and every test in one run
	$(BIN)/python -m pytest

train: $(VENV)/.test ## retrain everything from the films in PNEUMO_DATA: about two hours on 2 cores
	$(BIN)/python -m train.split
	$(BIN)/python -m train.lungs
	$(BIN)/python -m train.fit --name resnet18-crop-0 --geometry centre_crop --seed 0 --init $(INIT)
	$(BIN)/python -m train.fit --name resnet18-lungs-0 --geometry lung_box --seed 1 --init $(INIT)
	$(BIN)/python -m train.fit --name resnet18-crop-1 --geometry centre_crop --seed 2 --init $(INIT)
	$(BIN)/python -m train.fit --name resnet18-lungs-1 --geometry lung_box --seed 3 --init $(INIT)
	$(BIN)/python -m train.calibrate --members resnet18-crop-0 resnet18-lungs-0 resnet18-crop-1 resnet18-lungs-1
	$(BIN)/python -m train.evaluate --role test select
	$(BIN)/python -m train.examples
	$(BIN)/python -m tests.test_golden
	$(BIN)/python -m train.report

report: $(VENV)/.test ## fill README's results blocks from train/results/*.json
	$(BIN)/python -m train.report

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Pneumo needs Python 3.11 or newer: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --editable ".[train,test]"
	@touch $@
