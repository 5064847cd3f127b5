# Every target works in one virtualenv. A stamp file per requirement set makes a warm start skip pip.
PYTHON ?= python3
VENV ?= .venv
export PORT ?= 7860
INIT_RESNET18 ?= imagenet
INIT_RESNET50 ?= imagenet
INIT_MOBILENET_V2 ?= imagenet
FUZZ_SECONDS ?= 600
BIN := $(VENV)/bin

.PHONY: help demo test check lint train report fuzz audit

help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

demo: $(VENV)/.demo ## start the app on http://127.0.0.1:7860 (PORT=... overrides)
	$(BIN)/python app.py

test: $(VENV)/.test ## run the tests: the fast part first, then the slow and the browser part
	@echo "== fast tests =="
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not browser"
	@echo "== slow and browser tests =="
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "slow or browser"

lint: $(VENV)/.test ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict pneumo tabs app.py

fuzz: $(VENV)/.test ## change files at random for long (FUZZ_SECONDS=600), blindly and then guided
	PNEUMO_FUZZ=$$(( $(FUZZ_SECONDS) * 10 )) $(BIN)/python -m pytest tests/fuzz --timeout 0
	$(BIN)/python -m pip install --quiet --editable ".[fuzz]"
	$(BIN)/python -m tests.fuzz.guided $(FUZZ_SECONDS)

audit: $(VENV)/.test ## known vulnerabilities of what is pinned; asks the network
	$(BIN)/python -m pip install --quiet --editable ".[audit]"
	$(BIN)/pip-audit --requirement requirements.txt --no-deps --progress-spinner off

check: lint ## lint, types and every test in one run
	$(BIN)/python -m pytest -n 2 --dist loadfile

train: $(VENV)/.test ## retrain everything from the films in PNEUMO_DATA: a few hours on 2 cores
	$(BIN)/python -m train.split
	$(BIN)/python -m train.lungs
	$(BIN)/python -m train.fit --name resnet18-crop-0 --geometry centre_crop --seed 0 --jitter.collimate 0 --init $(INIT_RESNET18)
	$(BIN)/python -m train.fit --name resnet18-lungs-0 --geometry lung_box --seed 1 --jitter.collimate 0 --init $(INIT_RESNET18)
	$(BIN)/python -m train.fit --name resnet18-lungs-1 --geometry lung_box --seed 3 --jitter.collimate 0 --init $(INIT_RESNET18)
	$(BIN)/python -m train.fit --name mobilenet-crop-0 --architecture mobilenet_v2 --geometry centre_crop --seed 4 --stages 128 6 192 2 --init $(INIT_MOBILENET_V2)
	$(BIN)/python -m train.fit --name mobilenet-crop-1 --architecture mobilenet_v2 --geometry centre_crop --seed 8 --stages 128 8 --init $(INIT_MOBILENET_V2)
	$(BIN)/python -m train.fit --name mobilenet-lungs-0 --architecture mobilenet_v2 --geometry lung_box --seed 6 --stages 128 8 --init $(INIT_MOBILENET_V2)
	$(BIN)/python -m train.fit --name cnn3-0 --architecture cnn3 --geometry centre_crop --seed 10 --peak-rate 2e-3 --stages 64 14
	$(BIN)/python -m train.fit --name cnn3-28px-0 --architecture cnn3 --geometry centre_crop --seed 11 --peak-rate 2e-3 --stages 28 30
	$(BIN)/python -m train.fit --name resnet18-cbam-0 --architecture resnet18_cbam --geometry centre_crop --seed 12 --stages 96 2 128 4 --init $(INIT_RESNET18)
	$(BIN)/python -m train.fit --name resnet50-0 --architecture resnet50 --geometry centre_crop --seed 13 --stages 96 3 128 2 --frozen stem stages.0 --frozen-epochs 2 --init $(INIT_RESNET50)
	$(BIN)/python -m train.fit --name cnn5-0 --architecture cnn5 --geometry centre_crop --seed 16 --stages 48 8 --peak-rate 2e-3
	$(BIN)/python -m train.fit --name hierarchical-1 --architecture mobilenet_v2 --geometry centre_crop --seed 17 --stages 96 3 128 2 --task hierarchical --init $(INIT_MOBILENET_V2)
	$(BIN)/python -m train.fit --name resnet18-cbam-scratch-0 --architecture resnet18_cbam --geometry centre_crop --seed 15 --stages 64 8 --peak-rate 2e-3
	$(BIN)/python -m train.fit --name densenet121-0 --architecture densenet121 --geometry centre_crop --seed 14 --stages 64 8 --peak-rate 2e-3
	$(BIN)/python -m train.calibrate --members resnet18-crop-0 resnet18-lungs-0 resnet18-lungs-1 mobilenet-crop-0 mobilenet-crop-1 mobilenet-lungs-0 --rows cnn3=cnn3-0 cnn3_28px=cnn3-28px-0 cnn5=cnn5-0 resnet18=resnet18-crop-0 mobilenet_v2=mobilenet-crop-1 resnet50=resnet50-0 densenet121=densenet121-0 resnet18_cbam=resnet18-cbam-0 resnet18_cbam_scratch=resnet18-cbam-scratch-0 hierarchical=hierarchical-1
	$(BIN)/python -m train.gate
	$(BIN)/python -m train.evaluate --role test
	$(BIN)/python -m train.rows
	$(BIN)/python -m train.uncertainty
	$(BIN)/python -m train.audit
	$(BIN)/python -m train.examples
	$(BIN)/python -m train.selftest
	$(BIN)/python -m tests.test_golden
	$(BIN)/python -m train.report

report: $(VENV)/.test ## draw the figures, fill README and the model card from train/results/*.json
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
