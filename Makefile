# darkfield. Everything that is installed or built lies in .venv and .tools, pinned by the files in docker/; results lie in runs.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-print-directory --no-builtin-rules
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup doctor lab reproduce test lint fmt bench bench-compiled microbench browser-test pytorch-check mlflow quijote validate-universe transfer-table requirements clean distclean check FORCE

PYTHON ?= python3
PRESET ?= quick
DATA   ?=
RUN    ?=
ONLY   ?=
PJRT   ?= wheel
BENCH  ?= .
COUNT  ?= 6
BENCH_FLAGS ?=
COMPILED := float32-reordered,float32-reordered-compiled

# Never another toolchain than the installed one; -buildvcs=false builds in copies without a Git history, too.
export GOTOOLCHAIN := local
export GOFLAGS := -buildvcs=false
# Jupyter's own settings, data and sockets stay in the project.
export JUPYTER_CONFIG_DIR  := $(CURDIR)/.tools/jupyter/config
export JUPYTER_DATA_DIR    := $(CURDIR)/.tools/jupyter/data
export JUPYTER_RUNTIME_DIR := $(CURDIR)/.tools/jupyter/runtime
export PYTHON PRESET DATA RUN

ifeq ($(filter wheel auto,$(PJRT)),)
$(error PJRT=$(PJRT) is unknown: choose wheel or auto)
endif

step    := docker/step.sh
sources := $(shell find pkg -type f -not -name '*_test.go' -not -path '*/testdata/*' 2>/dev/null)
kernel  := .venv/share/jupyter/kernels/gonb/kernel.json
quijote := runs/data/quijote
validation := runs/validation

help: ## these lines
	@echo 'darkfield: diffusion models as emulators and likelihoods of the cosmic density field'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' Makefile
	@echo 'Choices: PRESET=smoke|quick|standard|paper  DATA=<CMD directory>  RUN=<run directory>  ONLY=<notebooks, e.g. 04,06>  PYTHON=<python ≥ 3.10>  PJRT=wheel|auto'

setup: .tools/bin/gonb $(kernel) .tools/pjrt/$(PJRT).stamp .tools/bin/darkfield ## install everything below the project, pinned; again: only what changed
	@echo 'setup: ready'

# --- what setup makes -----------------------------------------------------------------------------------------------------

# Scripts in .venv and the kernel hold absolute paths: a moved project is set up anew.
.tools/root: FORCE
	@mkdir -p .tools && { [ -f $@ ] && [ "$$(<$@)" = "$(CURDIR)" ]; } || echo "$(CURDIR)" > $@
FORCE:

.tools/checked: docker/check.sh go.mod .tools/root
	@docker/check.sh
	@touch $@

.venv/stamp: docker/requirements.txt .tools/root | .tools/checked
	@$(step) 'Python packages' "$(PYTHON)" -m venv --clear .venv
	@$(step) 'Python packages' .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r docker/requirements.txt
	@touch $@

.tools/bin/gonb: docker/tools/go.mod docker/tools/go.sum | .tools/checked
	@mkdir -p .tools/bin
	@$(step) 'GoNB and goimports' env -C docker/tools GOWORK=off GOBIN="$(CURDIR)/.tools/bin" go install tool
	@touch .tools/bin/gonb .tools/bin/goimports

$(kernel): docker/kernel.py .venv/stamp .tools/root
	@.venv/bin/python docker/kernel.py "$(CURDIR)"

.tools/pjrt/wheel.stamp: .venv/stamp
	@docker/plugin.sh wheel

# GoMLX's own installer fetches the plugin on first use. It needs the open internet; nobody has tried it here yet.
.tools/pjrt/auto.stamp:
	@docker/plugin.sh auto

.tools/bin/darkfield: $(sources) go.mod go.sum | .tools/checked
	@mkdir -p .tools/bin
	@$(step) 'darkfield' env GOWORK=off go build -o .tools/bin/darkfield ./pkg/cmd/darkfield
	@$(step) 'rooms for the notebooks' docker/modules.sh
	@touch $@

.tools/bin/golangci-lint: docker/lint/go.mod docker/lint/go.sum | .tools/checked
	@mkdir -p .tools/bin
	@$(step) 'golangci-lint and gofumpt (minutes, once)' env -C docker/lint GOWORK=off GOBIN="$(CURDIR)/.tools/bin" go install tool
	@touch .tools/bin/golangci-lint .tools/bin/gofumpt

.tools/bin/bench: $(sources) go.mod go.sum | .tools/checked
	@mkdir -p .tools/bin
	@$(step) 'bench' env GOWORK=off go build -o .tools/bin/bench ./pkg/cmd/bench
	@touch $@

.tools/bin/benchstat: docker/benchstat/go.mod docker/benchstat/go.sum | .tools/checked
	@mkdir -p .tools/bin
	@$(step) 'benchstat' env -C docker/benchstat GOWORK=off GOBIN="$(CURDIR)/.tools/bin" go install tool
	@touch $@

# Without dependencies: those of the Linux wheel are gigabytes of CUDA, which stubs.py stands in for.
.tools/pytorch/venv/stamp: docker/pytorch/requirements.txt docker/pytorch/stubs.py .tools/root | .tools/checked
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'setup: PyTorch needs Python 3.11 or newer: name one with PYTHON=…' >&2; exit 1; }
	@$(step) 'PyTorch (1.3 GB)' "$(PYTHON)" -m venv --clear .tools/pytorch/venv
	@$(step) 'PyTorch (1.3 GB)' .tools/pytorch/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r docker/pytorch/requirements.txt
	@$(step) 'PyTorch (1.3 GB)' .tools/pytorch/venv/bin/python docker/pytorch/stubs.py
	@$(step) 'PyTorch (1.3 GB)' .tools/pytorch/venv/bin/python -c 'import torch'
	@touch $@

# What torch.compile makes is kept: ten minutes and more a width, once.
.tools/pytorch/inductor/stamp: docker/pytorch/bench.py docker/pytorch/reordered.py docker/pytorch/unet.py .tools/pytorch/venv/stamp | .tools/bin/bench
	@mkdir -p .tools/pytorch/inductor
	@.tools/bin/bench -warm -pytorch $(COMPILED) $(BENCH_FLAGS)
	@touch $@

.tools/mlflow/venv/stamp: docker/mlflow/requirements.txt .tools/root | .tools/checked
	@$(step) 'MLflow' "$(PYTHON)" -m venv --clear .tools/mlflow/venv
	@$(step) 'MLflow' .tools/mlflow/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r docker/mlflow/requirements.txt
	@touch $@

.tools/camb/venv/stamp: docker/camb/requirements.txt .tools/root | .tools/checked
	@$(step) 'CAMB (300 MB)' "$(PYTHON)" -m venv --clear .tools/camb/venv
	@$(step) 'CAMB (300 MB)' .tools/camb/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r docker/camb/requirements.txt
	@touch $@

# --- work -----------------------------------------------------------------------------------------------------------------

check: ## name what this machine lacks
	@docker/check.sh

doctor: ## show what was found: Go, Python, compiler, plugin, kernel, GPU
	@docker/doctor.sh

reproduce: setup ## set up, then run every notebook, first to last; figures and executed notebooks go to runs/
	@.venv/bin/python notebooks/run.py --preset "$(PRESET)" --data "$(DATA)" --run "$(RUN)" --only "$(ONLY)"

lab: setup ## JupyterLab on 127.0.0.1 with the Go kernel; prints its URL with a token
	@DARKFIELD_PRESET="$(PRESET)" DARKFIELD_DATA="$(if $(DATA),$(abspath $(DATA)))" DARKFIELD_RUN="$(if $(RUN),$(abspath $(RUN)))" \
	  .venv/bin/jupyter lab --no-browser --ip=127.0.0.1 $(if $(filter 0,$(shell id -u)),--allow-root) --ServerApp.root_dir="$(CURDIR)/notebooks"

test: ## set up, lint, Go tests, then every notebook in small; ends with a count
	@docker/test.sh

lint: .tools/bin/golangci-lint ## golangci-lint with .golangci.yml
	@GOWORK=off .tools/bin/golangci-lint run ./...

fmt: .tools/bin/golangci-lint ## gofumpt on every Go file
	@.tools/bin/gofumpt -w pkg

bench: .tools/bin/bench .tools/pytorch/venv/stamp .tools/pjrt/$(PJRT).stamp ## time and memory beside PyTorch, in turns; table in data/bench (a quarter of an hour; BENCH_FLAGS=…)
	@.tools/bin/bench $(BENCH_FLAGS)

bench-compiled: .tools/bin/bench .tools/pytorch/inductor/stamp .tools/pjrt/$(PJRT).stamp ## the same beside torch.compile, which first compiles for half an hour or more
	@.tools/bin/bench -pytorch $(COMPILED) $(BENCH_FLAGS)

microbench: .tools/bin/benchstat .tools/pjrt/$(PJRT).stamp ## Go benchmarks of the hot pieces, summarised by benchstat (BENCH=regexp COUNT=6)
	@mkdir -p runs/bench
	@go test -run '^$$' -bench '$(BENCH)' -benchmem -count '$(COUNT)' ./pkg/fft/... ./pkg/nbody/... ./pkg/summary/... ./pkg/unet/... ./pkg/diffusion/... ./pkg/training/... ./pkg/emulator/... | tee runs/bench/go.txt
	@.tools/bin/benchstat runs/bench/go.txt

browser-test: setup ## run the first notebook by mouse in a real JupyterLab and Chromium
	@docker/browser/run.sh

pytorch-check: .tools/pytorch/venv/stamp .tools/pjrt/$(PJRT).stamp .tools/bin/darkfield ## compare with our PyTorch version of the network, at the paper's width, too (2 GB, minutes)
	@docker/pytorch/run.sh

mlflow: .tools/mlflow/venv/stamp ## install an MLflow server, which the test of tracking then uses

quijote: .venv/stamp ## unpack the Quijote maps of ../shared into runs/data/quijote
	@docker/quijote.sh "$(quijote)"

validate-universe: .tools/bin/darkfield .tools/camb/venv/stamp ## measure the simulator against closed forms, CAMB and published numbers; report in runs/validation (20 minutes, once)
	@.tools/camb/venv/bin/python docker/camb/tables.py $(validation)/camb.csv
	@.tools/bin/darkfield validate --tables $(validation)/camb.csv --out $(validation)

transfer-table: .tools/camb/venv/stamp ## make the table of CAMB's transfer functions in pkg/cosmology, and what its tests compare with, anew (minutes)
	@.tools/camb/venv/bin/python docker/camb/transfer.py pkg/cosmology/transfer.csv pkg/cosmology/testdata/camb.csv

requirements: | .tools/checked ## pin docker/requirements.in and those below docker/ anew, with hashes
	@docker/pin.sh

clean: ## remove runs and caches
	rm -rf runs .cache .tools/jupyter .tools/test
	find . -name __pycache__ -prune -exec rm -rf {} + -o -name .ipynb_checkpoints -prune -exec rm -rf {} +

distclean: clean ## remove everything that setup installed, too
	rm -rf .venv .tools .node docker/browser/node_modules
