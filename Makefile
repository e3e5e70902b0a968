# darkfield. Everything that is installed or built lies in .venv and .tools, pinned by the files in docker/; results
# lie in runs.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-print-directory --no-builtin-rules
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help help-dev setup doctor lab reproduce verify test validate-universe clean distclean FORCE \
        check lint fmt slowest bench bench-compiled gpu-check microbench browser-test executed pytorch-check reference mlflow \
        quijote transfer-table lock

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

ifeq ($(filter wheel openxla auto cuda13 cuda12,$(PJRT)),)
$(error PJRT=$(PJRT) is unknown: choose wheel, openxla, cuda13, cuda12 or auto)
endif

step       := docker/step.sh
sources    := $(shell find pkg -type f -not -name '*_test.go' -not -path '*/testdata/*' 2>/dev/null)
kernel     := .venv/share/jupyter/kernels/gonb/kernel.json
plugin     := .tools/pjrt/$(PJRT).stamp
pins       := docker/venv.sh docker/pyproject.toml docker/requirements.txt
quijote    := runs/data/quijote
validation := runs/validation

help: ## these lines
	@echo 'darkfield: diffusion models as emulators and likelihoods of the cosmic density field'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' Makefile
	@echo 'Choices: PRESET=smoke|quick|standard|paper  DATA=<CMD directory>  RUN=<run directory>'
	@echo '         ONLY=<notebooks, e.g. 04,06>  PYTHON=<python ≥ 3.10>  PJRT=wheel|openxla|cuda13|cuda12|auto'

help-dev: ## what developers of darkfield need besides
	@awk -F ':.*#- ' '/^[a-z-]+:.*#- / {printf "  make %-17s %s\n", $$1, $$2}' Makefile
	@echo 'Choices: BENCH=<regexp>  COUNT=<repetitions>  BENCH_FLAGS=<flags of pkg/cmd/bench>'

setup: .tools/bin/gonb .tools/bin/goimports $(kernel) $(plugin) .tools/bin/darkfield ## install everything below the project, pinned; again: only what changed
	@echo 'setup: ready'

# --- what setup makes -------------------------------------------------------------------------------------

# Scripts in .venv and the kernel hold absolute paths: a moved project is set up anew.
.tools/root: FORCE
	@mkdir -p .tools && { [ -f $@ ] && [ "$$(<$@)" = "$(CURDIR)" ]; } || echo "$(CURDIR)" > $@
FORCE:

.tools/checked: docker/check.sh go.mod .tools/root
	@docker/check.sh
	@touch $@

# uv installs all the other Python packages: in seconds, where pip takes a minute.
.tools/uv/stamp: docker/uv.txt .tools/root | .tools/checked
	@$(step) 'uv' "$(PYTHON)" -m venv --clear .tools/uv
	@$(step) 'uv' .tools/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r docker/uv.txt
	@touch $@

.venv/stamp: $(pins) .tools/uv/stamp
	@$(step) 'Python packages' docker/venv.sh notebooks .venv
	@touch $@

# camb, mlflow, pytorch, openxla, cuda13 or cuda12, each a group of docker/pyproject.toml
.tools/venv/%/stamp: $(pins) .tools/uv/stamp
	@mkdir -p .tools/venv
	@$(step) '$* and its Python packages' docker/venv.sh $* .tools/venv/$*
	@touch $@

# The wheel links CUDA libraries, which stubs.py stands in for.
.tools/venv/pytorch/ready: pkg/verify/pytorch/stubs.py .tools/venv/pytorch/stamp
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'setup: PyTorch needs Python 3.11 or newer: name one with PYTHON=…' >&2; exit 1; }
	@$(step) 'PyTorch without CUDA' .tools/venv/pytorch/bin/python pkg/verify/pytorch/stubs.py
	@$(step) 'PyTorch without CUDA' .tools/venv/pytorch/bin/python -c 'import torch'
	@touch $@

# What torch.compile makes is kept: ten minutes and more a width, once.
.tools/pytorch/inductor/stamp: pkg/verify/pytorch/bench.py pkg/verify/pytorch/reordered.py pkg/verify/pytorch/unet.py .tools/venv/pytorch/ready | .tools/bin/bench
	@mkdir -p .tools/pytorch/inductor
	@.tools/bin/bench -warm -pytorch $(COMPILED) $(BENCH_FLAGS)
	@touch $@

gonb          := github.com/janpfeifer/gonb
goimports     := golang.org/x/tools/cmd/goimports
golangci-lint := github.com/golangci/golangci-lint/v2/cmd/golangci-lint
gofumpt       := mvdan.cc/gofumpt
govulncheck   := golang.org/x/vuln/cmd/govulncheck
gotestsum     := gotest.tools/gotestsum
benchstat     := golang.org/x/perf/cmd/benchstat
$(addprefix .tools/bin/,gonb goimports golangci-lint gofumpt govulncheck gotestsum benchstat): docker/tools/go.mod docker/tools/go.sum | .tools/checked
	@mkdir -p .tools/bin
	@$(step) '$(@F)$(if $(filter golangci-lint,$(@F)), (minutes, once))' env -C docker/tools GOWORK=off GOBIN="$(CURDIR)/.tools/bin" go install $($(@F))
	@touch $@

$(kernel): docker/kernel.py .venv/stamp .tools/root
	@.venv/bin/python docker/kernel.py "$(CURDIR)"

.tools/pjrt/wheel.stamp: .venv/stamp
	@docker/plugin.sh wheel

# Another plugin for the CPU, where the first is not to be had.
.tools/pjrt/openxla.stamp: .tools/venv/openxla/stamp .venv/stamp
	@docker/plugin.sh openxla

# A GPU of NVIDIA, beside the CPU: 2.5 GB (CUDA 13) or 3.2 GB (CUDA 12) are downloaded, and 3.8 or 4.9 GB installed.
.tools/pjrt/cuda1%.stamp: .tools/venv/cuda1%/stamp .tools/pjrt/wheel.stamp
	@docker/plugin.sh cuda1$*

# GoMLX's own installer fetches the plugin on first use. It needs the open internet; nobody has tried it here yet.
.tools/pjrt/auto.stamp:
	@docker/plugin.sh auto

.tools/bin/darkfield: $(sources) go.mod go.sum | .tools/checked
	@mkdir -p .tools/bin
	@$(step) 'darkfield' env GOWORK=off go build -o .tools/bin/darkfield ./pkg/cmd/darkfield
	@$(step) 'packages for the notebooks' docker/modules.sh
	@touch $@

.tools/bin/bench: $(sources) go.mod go.sum | .tools/checked
	@mkdir -p .tools/bin
	@$(step) 'bench' env GOWORK=off go build -o .tools/bin/bench ./pkg/cmd/bench
	@touch $@

# --- for users --------------------------------------------------------------------------------------------

doctor: ## show what was found: Go, Python, compiler, plugin, kernel, GPU
	@docker/doctor.sh

# What completes and explains in cells; it has a module of its own, since it needs newer packages than the other tools.
.tools/bin/gopls: | .tools/checked
	@mkdir -p .tools/bin
	@$(step) 'gopls (a minute, once)' env GOWORK=off GOBIN="$(CURDIR)/.tools/bin" go install golang.org/x/tools/gopls@v0.23.0

lab: setup .tools/bin/gopls ## JupyterLab on 127.0.0.1 with the Go kernel; prints its URL with a token
	@DARKFIELD_PRESET="$(PRESET)" DARKFIELD_DATA="$(if $(DATA),$(abspath $(DATA)))" DARKFIELD_RUN="$(if $(RUN),$(abspath $(RUN)))" \
	  .venv/bin/jupyter lab --no-browser --ip=127.0.0.1 $(if $(filter 0,$(shell id -u)),--allow-root) --ServerApp.root_dir="$(CURDIR)" \
	  --LabApp.default_url=/lab/tree/notebooks/01_universe.ipynb

reproduce: setup ## set up, then run every notebook, first to last; figures and executed notebooks go to runs/
	@.venv/bin/python notebooks/run.py --preset "$(PRESET)" --data "$(DATA)" --run "$(RUN)" --only "$(ONLY)"

verify: .tools/bin/darkfield $(plugin) ## compare network, diffusion and statistics with our PyTorch version, number by number (a minute)
	@.tools/bin/darkfield dev verify

test: setup .tools/bin/gotestsum ## set up, lint, Go tests, then every notebook in small; ends with a count
	@.ci/test.sh

validate-universe: .tools/bin/darkfield .tools/venv/camb/stamp ## measure the simulator against closed forms, CAMB and published numbers; report in runs/validation (20 minutes, once)
	@.tools/venv/camb/bin/python pkg/cosmology/camb/tables.py $(validation)/camb.csv
	@.tools/bin/darkfield dev validate --tables $(validation)/camb.csv --out $(validation)

clean: ## remove runs and caches
	rm -rf runs .cache .tools/jupyter .tools/programs .tools/test
	find . -name __pycache__ -prune -exec rm -rf {} + -o -name .ipynb_checkpoints -prune -exec rm -rf {} +

distclean: clean ## remove everything that setup installed, too
	rm -rf .venv .tools .node notebooks/browser/node_modules

# --- for developers ---------------------------------------------------------------------------------------

check: #- name what this machine lacks for make setup
	@docker/check.sh

lint: .tools/bin/golangci-lint .tools/bin/govulncheck #- golangci-lint with .golangci.yml, then govulncheck
	@GOWORK=off .tools/bin/golangci-lint run ./...
	@.ci/vulnerabilities.sh

fmt: .tools/bin/gofumpt #- gofumpt on every Go file
	@.tools/bin/gofumpt -w pkg

slowest: .tools/bin/gotestsum #- the tests of the last make test that took longest
	@.tools/bin/gotestsum tool slowest --threshold 5s --jsonfile .tools/test/events.json

bench: .tools/bin/bench .tools/venv/pytorch/ready $(plugin) #- time and memory beside PyTorch, in turns; table in data/bench (a quarter of an hour)
	@.tools/bin/bench $(BENCH_FLAGS)

bench-compiled: .tools/bin/bench .tools/pytorch/inductor/stamp $(plugin) #- the same beside torch.compile, which first compiles for half an hour or more
	@.tools/bin/bench -pytorch $(COMPILED) $(BENCH_FLAGS)

gpu-check: .tools/bin/bench #- what a GPU of NVIDIA can do, in each precision, beside PyTorch; page in data/bench (hours, goes on if killed)
	@.tools/bin/bench -gpu $(BENCH_FLAGS)

microbench: .tools/bin/benchstat $(plugin) #- Go benchmarks of the hot pieces, summarised by benchstat
	@mkdir -p runs/bench
	@go test -run '^$$' -bench '$(BENCH)' -benchmem -count '$(COUNT)' ./pkg/fft/... ./pkg/nbody/... ./pkg/summary/... ./pkg/unet/... ./pkg/diffusion/... ./pkg/training/... ./pkg/emulator/... | tee runs/bench/go.txt
	@.tools/bin/benchstat runs/bench/go.txt

executed: setup #- run every notebook in quick and keep the executed copies in notebooks/executed (a quarter of an hour)
	@.venv/bin/python notebooks/run.py --preset quick --keep notebooks/executed

browser-test: setup #- run every notebook by mouse in a real JupyterLab and Chromium
	@notebooks/browser/run.sh

pytorch-check: .tools/venv/pytorch/ready $(plugin) .tools/bin/darkfield #- compare with our PyTorch version afresh, at the paper's width, too (2 GB, minutes)
	@pkg/verify/pytorch/run.sh

reference: .tools/venv/pytorch/ready #- make the reference of make verify anew with our PyTorch version
	@.tools/venv/pytorch/bin/python pkg/verify/pytorch/reference.py --dim 8 --side 16 --seed 1 --small pkg/verify/reference_dim8_side16.npz

mlflow: .tools/venv/mlflow/stamp #- install an MLflow server, which the test of tracking then uses

quijote: .venv/stamp #- unpack the Quijote maps of ../shared into runs/data/quijote
	@data/quijote/unpack.sh "$(quijote)"

transfer-table: .tools/venv/camb/stamp #- make the table of CAMB's transfer functions in pkg/cosmology, and what its tests compare with, anew (minutes)
	@.tools/venv/camb/bin/python pkg/cosmology/camb/transfer.py pkg/cosmology/transfer.csv pkg/cosmology/testdata/camb.csv

lock: .tools/uv/stamp #- pin the groups of docker/pyproject.toml anew (needs Python 3.11)
	@.tools/uv/bin/python docker/lock.py
