# The commands people type. Each sets up what it needs on Debian 12 with Go 1.26 (other packages are installed).
# The work is in: cmake/packages.sh, operator/demo.sh, tests/run.sh, tests/controlplane/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
FILTER ?=
FUZZ_SECONDS ?= 60
SEED ?= 1
COUNT ?= 100
export FILTER FUZZ_SECONDS SEED COUNT TABLE WORLDS PAIRS BENCH

.PHONY: help build demo demo-down test test-fast test-e2e test-charts test-slow simulate mutants fuzz bench bench-large bench-check lint format dist clean

help:  ## show this
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/p' Makefile | while IFS=$$'\t' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

build:  ## build/nocobase-operator
	@tests/run.sh build

demo:  ## local control plane, operator and a sample, left running
	@operator/demo.sh up

demo-down:  ## end the demo
	@operator/demo.sh down

test:  ## everything: unit tests with sanitizers, fuzzers, the simulation, charts, conformance and end to end on a real control plane
	@FUZZ_SECONDS=$(if $(filter-out file,$(origin FUZZ_SECONDS)),$(FUZZ_SECONDS),30) tests/run.sh asan fuzz charts conformance worlds_and_e2e

test-fast:  ## unit tests
	@tests/run.sh unit

test-e2e:  ## end to end on a real control plane; FILTER=word runs the tests with that word in their name
	@tests/run.sh e2e

test-charts:  ## the Helm charts, with helm and kube-score
	@tests/run.sh charts

test-slow:  ## what takes longer: ThreadSanitizer, more of the simulation (WORLDS, PAIRS), end to end with long waits, FUZZ_SECONDS (600) per fuzzer
	@E2E_SLOW=1 FUZZ_SECONDS=$(if $(filter-out file,$(origin FUZZ_SECONDS)),$(FUZZ_SECONDS),600) tests/run.sh gitops tsan simulation e2e fuzz

simulate:  ## SEED=n COUNT=m: worlds of the simulated cluster; one that breaks a rule is told
	@tests/run.sh simulate

mutants:  ## each known fault of the core and the controller, switched on: a test must fail
	@tests/run.sh mutants

fuzz:  ## every fuzzer for FUZZ_SECONDS (60)
	@tests/run.sh fuzz

bench:  ## the operator beside the same in Go and Rust; BENCH="ARG..." as tests/bench/bench.py --help says
	@tests/run.sh bench

bench-large:  ## the same with 10,000 clusters
	@BENCH="--large $(BENCH)" tests/run.sh bench

bench-check:  ## a short run: fails when a ratio to the better peer is 25 % worse than recorded
	@BENCH="--compare $(BENCH)" tests/run.sh bench

lint:  ## clang-tidy and the format of every source file
	@tests/run.sh lint

dist:  ## both charts as packages and install.yaml, in build/dist
	@charts/package.sh build/dist "$$(tests/controlplane/build.sh)/helm"

format:  ## format every source file
	@git ls-files '*.cpp' '*.h' | xargs clang-format-14 -i

clean:  ## remove build/ (ends the demo first)
	@operator/demo.sh down
	rm -rf build
