# The whole vocabulary of the project. `make` alone lists it.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALL = $(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable
NAME ?= speed
.PHONY: help env demo test test-all lint docs bench clean

help:  ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 10

env: .venv/.made  ## The environment in .venv, made again when its two files change
.venv/.made: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python 3.11, 3.12 or 3.13 with venv found: install one, or make PYTHON=/its/path"; exit 1; }
	$(PYTHON) -m venv .venv
	$(INSTALL) '.[dev]'
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true  # on all cores, which pip does on one
	@touch $@

.venv/.bench: .venv/.made
	$(INSTALL) '.[dev,bench]'
	@touch $@

demo: env  ## Train on the sample company, compare with its rules, show the top leads with their reasons
	$(BIN)/lead-readiness demo

# One OpenMP thread per worker: more of them than cores only wait for each other.
test test-all: export OMP_NUM_THREADS = 1
test: env  ## The quick tests
	$(BIN)/pytest -n auto -m 'not slow'

test-all: env  ## Every test (ONLY=slow: the slow ones)
	$(BIN)/pytest -n auto -m '$(ONLY)'

lint: env  ## Style, format, types, who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

docs: env  ## Write again the pages that are made from the code
	$(BIN)/python docs/generate.py

bench: .venv/.bench  ## One benchmark: make bench NAME=speed ARGS=--quick
	$(BIN)/python -m benchmarks.$(NAME) $(ARGS)  # as a module: a script would hide the package `serving` behind serving.py

clean:  ## Away with the environment, builds and caches
	rm -rf .venv build dist .*_cache .hypothesis
