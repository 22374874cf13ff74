# Everything this project is built and checked with. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .tools/bin/uv
BIN := .venv/bin
STAGE := bash scripts/stage
DISTS := $(patsubst packages/%/pyproject.toml,%,$(wildcard packages/*/pyproject.toml))
PYPROJECTS := $(DISTS:%=packages/%/pyproject.toml)
UI_PACKAGES := $(patsubst ui/packages/%/package.json,%,$(wildcard ui/packages/*/package.json))
STATIC := packages/runtime-server/src/runtime_server/static
PYODIDE := packages/runtime-server/src/runtime_server/pyodide
OLD_PYODIDE := .tools/pyodide-0.27.7
# What runs in a page: these of ours, and what the page's own lock names.
PAGE_DISTS := runtime-schema runtime-core runtime-python runtime-browser
PAGE_SOURCES = $(shell find scripts/pyodide $(PAGE_DISTS:%=packages/%/src) -name __pycache__ -prune -o -type f -print) \
	$(PAGE_DISTS:%=packages/%/pyproject.toml) VERSION ui/package-lock.json
GENERATED := ui/packages/schema/src/schema.gen.ts
GENERATED_LIVESTORE := ui/livestore/src/livestore.gen.ts
UI_SOURCES = $(shell find ui/packages -name node_modules -prune -o -type f -print) ui/package-lock.json ui/tsconfig.base.json

# uv must use the interpreter it is given, and no environment that happens to be active.
export UV_PYTHON_DOWNLOADS := never
unexport VIRTUAL_ENV

.PHONY: help setup run test bench dist format generate lock clean \
	check-python check-ui package-tests computing-tests cross-tests chromium ui pyodide test-pyodide test-livestore \
	format-check lint types arrows generated ui-lint ui-types ui-tests

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

# --- set-up: repeated runs do nothing unless an input changed -------------------------------------

setup: .venv/.stamp ui/node_modules/.stamp ## Make the Python and npm environments

.tools/.stamp: scripts/bootstrap
	@$(STAGE) "set up: uv" bash scripts/bootstrap $(PYTHON) $(UV_VERSION)
	@touch $@

# --no-deps and --no-build-isolation: the lock alone decides what is installed and what builds.
.venv/.stamp: .tools/.stamp requirements.lock VERSION pyproject.toml $(PYPROJECTS)
	@test -x $(BIN)/python || $(STAGE) "set up: .venv" $(UV) venv --quiet --python .tools/bin/python .venv
	@$(STAGE) "set up: locked requirements" $(UV) pip sync --quiet --compile-bytecode --python .venv --require-hashes requirements.lock
	@$(STAGE) "set up: our packages, editable" $(UV) pip install --quiet --python .venv --no-deps --no-build-isolation $(DISTS:%=-e packages/%)
	@touch $@

# LiveStore is large and only its tests need it, so it is no member of the workspace.
ui/livestore/node_modules/.stamp: ui/livestore/package.json ui/livestore/package-lock.json | ui/node_modules/.stamp
	@$(STAGE) "set up: npm, LiveStore" npm ci --prefix ui/livestore --no-audit --no-fund
	@touch $@

ui/node_modules/.stamp: ui/package.json ui/package-lock.json $(UI_PACKAGES:%=ui/packages/%/package.json)
	@$(STAGE) "set up: npm" npm ci --prefix ui --no-audit --no-fund
	@touch $@

# The file names no index and no path of this checkout: whoever installs uses the index they have.
lock: .tools/.stamp ## Pin requirements.lock anew from all pyproject.toml files, and the page's lock
	@$(STAGE) "lock: requirements.lock" $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--custom-compile-command "make lock" $(DISTS:%=--no-emit-package %) \
		--group dev $(PYPROJECTS) $(PYPROJECTS:%=--group %:test) -o requirements.lock
	@$(STAGE) "lock: the page's packages" $(UV) pip compile --quiet --python-version 3.14 --python-platform wasm32-pyodide2024 --generate-hashes \
		--no-annotate --only-binary :all: --custom-compile-command "make lock" scripts/pyodide/requirements.in -o scripts/pyodide/requirements.lock

# --- use -------------------------------------------------------------------------------------------

run: setup ui ## Open examples/quickstart.ipynb in the browser
	$(BIN)/runt notebook examples/quickstart.ipynb

ui: $(STATIC)/index.html pyodide
pyodide: $(PYODIDE)/index.json ## Build the Python that pages run

$(STATIC)/index.html: ui/node_modules/.stamp $(UI_SOURCES)
	@$(STAGE) "build: the app" npm run --prefix ui build
	@touch $@

$(PYODIDE)/index.json: $(PAGE_SOURCES) | .venv/.stamp ui/node_modules/.stamp
	@$(STAGE) "build: Python for the page" bash scripts/pyodide/build $(UV) $(PYODIDE)

bench: setup ui ## Run the benchmarks, print one JSON object
	@$(BIN)/python benchmarks/run.py --json

dist: setup ui ## Build every wheel into dist/
	@rm -rf dist
	@$(STAGE) "build: wheels" bash -c 'for p in $(DISTS); do $(UV) build --quiet --python .venv --no-build-isolation --wheel --out-dir dist packages/$$p; done'

format: setup ## Format and fix what can be fixed without thought
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	npm run --prefix ui format

generate: setup ## Write the TypeScript that is generated from runtime-schema
	$(BIN)/python -m runtime_schema.generate_typescript $(GENERATED)
	$(BIN)/python -m runtime_schema.generate_livestore $(GENERATED_LIVESTORE)

clean: ## Remove everything that was made
	rm -rf .tools .venv dist ui/node_modules ui/livestore/node_modules ui/livestore/dist $(STATIC) $(PYODIDE) .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# --- checks ----------------------------------------------------------------------------------------

# Static checks share the two cores; what measures time or starts processes then has them alone.
test: setup ## Run every check and every test
	@$(MAKE) -j2 check-python check-ui
	@$(MAKE) -j2 package-tests computing-tests
	@$(MAKE) cross-tests

check-python: format-check lint arrows generated types
check-ui: ui-lint ui-types ui-tests ui

format-check: setup
	@$(STAGE) "format: ruff" $(BIN)/ruff format --check .
lint: setup
	@$(STAGE) "lint: ruff" $(BIN)/ruff check .
types: setup
	@$(STAGE) "types: pyright" ui/node_modules/.bin/pyright --pythonpath $(BIN)/python
arrows: setup
	@$(STAGE) "arrows: import-linter" $(BIN)/lint-imports
generated: setup
	@$(STAGE) "generated: schema.gen.ts" $(BIN)/python -m runtime_schema.generate_typescript --check $(GENERATED)
	@$(STAGE) "generated: livestore.gen.ts" $(BIN)/python -m runtime_schema.generate_livestore --check $(GENERATED_LIVESTORE)
ui-lint: setup
	@$(STAGE) "lint and arrows: biome" npm run --prefix ui lint
ui-types: setup
	@$(STAGE) "types: tsc" npm run --prefix ui types
ui-tests: setup
	@$(STAGE) "test: ui" npm run --prefix ui test

# Each package is tested with its declared dependencies and nothing else, at the locked versions.
package-tests:
	@$(MAKE) -j1 $(DISTS:%=test-%)

.tools/isolated/%/.stamp: .tools/.stamp requirements.lock VERSION pyproject.toml $(PYPROJECTS)
	@$(STAGE) "set up: $* alone" bash scripts/isolate $* $(UV) .tools/isolated/$*
	@touch $@

test-%: .tools/isolated/%/.stamp
	@$(STAGE) "test: $*" .tools/isolated/$*/bin/python -m pytest packages/$* $(PYTEST_ARGS) $(COVERAGE)

# The schema is what every replica must agree on: no branch of it goes untested.
test-runtime-schema: COVERAGE = --cov=runtime_schema --cov-branch --cov-fail-under=100

ui/livestore/dist/index.html: ui/livestore/node_modules/.stamp $(UI_SOURCES) $(wildcard ui/livestore/src/* ui/livestore/page/*)
	@$(STAGE) "build: the page of LiveStore's tests" npm run --silent --prefix ui/livestore build
	@touch $@

# Types and tests of what is written for LiveStore, against the released packages; and the page that tests/livestore opens.
test-livestore: setup ui/livestore/dist/index.html ## Check what is written for LiveStore
	@$(STAGE) "types: LiveStore" npm run --prefix ui/livestore types
	@$(STAGE) "test: LiveStore" npm run --prefix ui/livestore test

# What only computes needs no time of its own: it runs below the packages' tests, which mostly wait. Of those across packages a third waits.
COMPUTING := tests/simulation tests/pyodide
computing-tests: setup pyodide .tools/pyodide-tests/.stamp
	@$(STAGE) "test: simulator, inside Pyodide" nice -n 15 $(BIN)/python -m pytest $(COMPUTING) -n 2 --dist worksteal $(PYTEST_ARGS)

# Browsers, servers and engines share the cores. What fails among them runs once more, alone: what fails then is wrong. What passes then
# is rare, and still to be found out: what it said the first time stands in the output.
CROSS := tests $(COMPUTING:%=--ignore=%)
cross-tests: setup ui chromium test-livestore $(OLD_PYODIDE)/pyodide-lock.json
	@$(STAGE) "test: across packages" $(BIN)/python -m pytest $(CROSS) -n 3 --dist worksteal $(PYTEST_ARGS) || \
		$(STAGE) "test: what failed there, alone" $(BIN)/python -m pytest $(CROSS) --last-failed --last-failed-no-failures none -x $(PYTEST_ARGS)

# What is too long for every change: the same tests with more to try. Ends with the first failure, whose seed it shows.
soak: setup ui chromium ## Try many random faults, for hours
	@$(STAGE) "soak: chaos" env RUNT_CHAOS_SEEDS=$$(seq -s , 100 $${SOAK_TO:-400}) $(BIN)/python -m pytest tests/chaos/test_chaos.py -x --timeout 0
	@$(STAGE) "soak: simulator" env RUNT_SIMULATION_SEEDS=1000000:$$(($${SOAK_TO:-400} * 10000)) \
		RUNT_SIMULATION_SQLITE_SEEDS=1000000:$$(($${SOAK_TO:-400} * 1000)) RUNT_SIMULATION_HUNT=$${SOAK_HUNT:-2000000}:20000 \
		$(BIN)/python -m pytest tests/simulation -n 2 -x --timeout 0

# The suites of what runs in a page, run in Pyodide; `computing-tests` runs them too.
test-pyodide: setup pyodide .tools/pyodide-tests/.stamp
	@$(STAGE) "test: inside Pyodide" $(BIN)/python -m pytest tests/pyodide $(PYTEST_ARGS)

.tools/pyodide-tests/.stamp: .tools/.stamp requirements.lock tests/pyodide/install tests/pyodide/requirements.txt
	@$(STAGE) "set up: Pyodide's tests" bash tests/pyodide/install .tools/pyodide-tests
	@touch $@

# What `--pyodide` is tried on: another Python, with numpy, pandas and matplotlib.
$(OLD_PYODIDE)/pyodide-lock.json: scripts/pyodide/release-0.27.7 | .tools/.stamp
	@$(STAGE) "set up: Pyodide 0.27.7" .tools/bin/python scripts/pyodide/release-0.27.7 $(OLD_PYODIDE)
	@touch $@

chromium:
	@bash scripts/chromium
