# The commands of the project; `make help` lists them. ARGS is passed on: make demo ARGS=--json
SHELL := /bin/bash
.DEFAULT_GOAL := help
ARGS ?=
SIZE ?= smoke
FAULT ?=
VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
SERVICES := members scoring benefits risk gateway
TAG ?= dev
BASE ?=
# Some machines forbid it, and each of our many processes would compile all that it imports: a second apiece.
export PYTHONDONTWRITEBYTECODE :=
# What locks of images and of tools are for: the machine and the Python that the Dockerfiles name.
IMAGE := --python-platform linux --python-version 3.11.14 --generate-hashes --no-annotate --no-header

.PHONY: help up demo check test test-spark attacks faults conformance bench bench-rivals nightly protos sdk release schema access features k8s images lock clean

help: ## Say what each command does
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 14

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
	$(VENV)/bin/buf breaking build/image.binpb --against protos/released.binpb
	$(PYTHON) -m services.gateway.schema --check
	$(PYTHON) -m libs.cli.access_page --check

test: $(READY) ## All tests, on a real mongod and valkey; under ten minutes
	$(VENV)/bin/pytest -m "not nightly and not spark" -n 3 --dist loadfile --no-loadscope-reorder --reruns 1 $(ARGS)

test-spark: $(READY) ## Populations on Spark, in two threads; needs Java 17, installs pyspark (half a gigabyte)
	@command -v java >/dev/null || test -x "$$JAVA_HOME/bin/java" || { echo "make test-spark needs Java 17: apt-get install openjdk-17-jre-headless"; exit 1; }
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r deploy/spark/requirements.lock
	PYSPARK_PYTHON=$(CURDIR)/$(PYTHON) $(VENV)/bin/pytest -m spark tests/spark $(ARGS)

attacks: $(READY) ## Attack the whole platform: bad input, floods, neighbours; writes build/attacks.json
	$(PYTHON) -m tests.attacks $(ARGS)

faults: $(READY) ## Kill, stop and cut off everything under load, count what is lost: build/faults.json; SIZE=release FAULT=N1 for one in full
	$(PYTHON) -m tests.faults --size $(SIZE) $(addprefix --fault ,$(FAULT)) $(ARGS)

conformance: $(READY) ## Hold the graph against others' suites and clients, by Node; writes build/conformance.json
	$(PYTHON) -m tests.conformance $(ARGS)

bench: $(READY) ## Measure speed, as ratios; prints a table, writes build/bench.json; ARGS="up_seconds" for one row
	$(PYTHON) -m tests.bench $(ARGS)

bench-rivals: $(READY) ## Measure our gateway against Apollo Server and GraphQL Mesh; needs Node, installs half a gigabyte into build/rivals
	$(PYTHON) -m tests.bench.rivals $(ARGS)

nightly: $(READY) ## The long tests: every process killed five times during the whole load, and wide generated runs
	$(VENV)/bin/pytest -m nightly $(ARGS)

protos: $(READY) ## Generate the Python code of the protos
	$(PYTHON) -m libs.cli.codegen

sdk: $(READY) ## Build what partners install, a wheel and an npm package, into build/sdk
	$(PYTHON) -m libs.cli.sdk

release: $(READY) ## Record the contract as released: `make check` refuses what would break it from then on
	$(PYTHON) -m libs.cli.codegen --check --image protos/released.binpb
	$(PYTHON) -m services.gateway.schema --release

schema: $(READY) ## Write services/gateway/schema.graphql, and the schema of programs
	$(PYTHON) -m services.gateway.schema --write
	$(VENV)/bin/laurel program schema -o docs/program.schema.json

access: $(READY) ## Write docs/access.md, the policy table as a page
	$(PYTHON) -m libs.cli.access_page --write

features: $(READY) ## Write docs/features.md, the list of what models read
	$(PYTHON) -m libs.models.features_page

k8s: $(READY) ## Render the manifests, hold them against Kubernetes and checkov, try the alerts; into build/k8s
	$(PYTHON) -m tests.deploy.check

images: ## Build the images with buildah, rootless; BASE and TAG say from what and as what
	for name in $(SERVICES); do buildah build $(if $(BASE),--build-arg PYTHON=$(BASE)) -f services/$$name/Dockerfile -t laurel/$$name:$(TAG) . || exit 1; done
	buildah build $(if $(BASE),--build-arg PYTHON=$(BASE)) -f libs/cli/Dockerfile -t laurel/cli:$(TAG) .
	buildah build $(if $(BASE),--build-arg PYTHON=$(BASE)) -f deploy/spark/Dockerfile -t laurel/spark:$(TAG) .

lock: $(READY) ## Lock the newest allowed versions, with hashes
	$(VENV)/bin/uv pip compile -q pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade -o requirements.lock
	for extra in services scoring gateway cli; do $(VENV)/bin/uv pip compile -q pyproject.toml --extra $$extra $(IMAGE) -c requirements.lock --upgrade -o deploy/locks/$$extra.lock || exit 1; done
	$(VENV)/bin/uv pip compile -q pyproject.toml --extra spark $(IMAGE) -c requirements.lock --upgrade -o deploy/spark/requirements.lock
	$(VENV)/bin/uv pip compile -q deploy/k8s/tools.in $(IMAGE) --upgrade -o deploy/k8s/tools.lock
	$(VENV)/bin/uv pip compile -q deploy/k8s/kubectl.in $(IMAGE) --no-deps --upgrade -o deploy/k8s/kubectl.lock

clean: ## Remove what was built, and the environment
	rm -rf build $(VENV)

$(READY): requirements.lock pyproject.toml
	test -x $(PYTHON) || python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@
