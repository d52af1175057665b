# The commands of the project; `make help` lists them. ARGS is passed on: make demo ARGS=--json
SHELL := /bin/bash
.DEFAULT_GOAL := help
ARGS ?=
VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready

.PHONY: help up demo check test attacks nightly protos schema access lock clean

help: ## Say what each command does
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

up: $(READY) ## Start the platform with the sample program and keep it running
	$(VENV)/bin/laurel up --sample $(ARGS)

demo: $(READY) ## Start everything in a temporary folder, load real purchases, print what came out, stop
	$(VENV)/bin/laurel demo $(ARGS)

check: $(READY) ## Formats, lints, types, layers, and that generated files are current
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PYTHON) -m libs.cli.codegen --check --image build/image.binpb
	$(VENV)/bin/buf lint build/image.binpb --path laurel
	$(PYTHON) -m services.gateway.schema --check
	$(PYTHON) -m libs.cli.access_page --check

test: $(READY) ## All tests, on a real mongod and valkey; under ten minutes
	$(VENV)/bin/pytest -m "not nightly" $(ARGS)

attacks: $(READY) ## Attack the whole platform: bad input, floods, neighbours; writes build/attacks.json
	$(PYTHON) -m tests.attacks $(ARGS)

nightly: $(READY) ## The long tests: every process killed five times during the whole load, and wide generated runs
	$(VENV)/bin/pytest -m nightly $(ARGS)

protos: $(READY) ## Generate the Python code of the protos
	$(PYTHON) -m libs.cli.codegen

schema: $(READY) ## Write services/gateway/schema.graphql
	$(PYTHON) -m services.gateway.schema --write

access: $(READY) ## Write docs/access.md, the policy table as a page
	$(PYTHON) -m libs.cli.access_page --write

lock: $(READY) ## Lock the newest allowed versions, with hashes
	$(VENV)/bin/uv pip compile -q pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade -o requirements.lock

clean: ## Remove what was built, and the environment
	rm -rf build $(VENV)

$(READY): requirements.lock pyproject.toml
	test -x $(PYTHON) || python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@
