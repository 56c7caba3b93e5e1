# Everything a person does with a clone of Holdfast. `make help` lists it.
#
# Recipes say nothing when all is well. Everything is installed below this folder (.venv, .tools),
# except what only Debian's packages can give; .ci/tools installs those when they are absent.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?=
HOST ?= 127.0.0.1
PORT ?= 8080
WORKERS ?= 2
PYTEST_ARGS ?=

export PYTHON
# What is compiled once is not compiled again by each of the hundreds of commands that tests start.
unexport PYTHONDONTWRITEBYTECODE

bin := .venv/bin
pytest := $(bin)/python -m pytest $(PYTEST_ARGS)
in_parallel := -n $(WORKERS) --dist worksteal
templates := $(shell find templates -name "*.html" 2>/dev/null)

# What the tests drive for real, as Debian names it.
programs := rsync rclone restic openssh-client openssh-server sqlite3 postgresql b3sum git attr openssl
# Chromium, what the program that drives it is linked with, and the fonts that pictures of pages are made with.
browser := chromium libatomic1 fonts-dejavu-core

.PHONY: help
help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: ## Make .venv with everything in it; needs the network once
	@.ci/setup dev

.PHONY: run
run: ## Start Holdfast on http://127.0.0.1:8080 (PORT=… HOST=… to change)
	@.ci/setup run
	@exec $(bin)/holdfast serve --host $(HOST) --port $(PORT)

.PHONY: demo
demo: setup ## Back up a sample folder with a server of its own, show the proof, and stop
	@$(bin)/python -m fastapi_app.demo

.PHONY: test
test: setup ## Run every test: first without, then with a browser
	@.ci/tools $(programs) $(browser)
	@.ci/html-validate --version >/dev/null
	@$(pytest) $(in_parallel) -m "not e2e"
	@$(pytest) $(in_parallel) -m e2e

.PHONY: e2e
e2e: setup ## Run the tests that use a browser
	@.ci/tools $(programs) $(browser)
	@.ci/html-validate --version >/dev/null
	@$(pytest) $(in_parallel) -m e2e

.PHONY: pictures
pictures: setup ## Take the references anew that pages are compared with
	@.ci/tools $(programs) $(browser)
	@$(pytest) $(in_parallel) -m e2e tests/e2e/test_pictures.py --renew-pictures

.PHONY: faults
faults: setup ## Kill, starve, tear and unplug the store, hundreds of times (SEED=… for the same again)
	@.ci/tools $(programs) e2fsprogs
	@$(pytest) $(in_parallel) -m faults
	@$(bin)/python -m tests.faults $(if $(SEED),--seed $(SEED))

.PHONY: coverage
coverage: setup ## Run the tests and show which branches none of them took
	@.ci/tools $(programs)
	@$(pytest) $(in_parallel) -m "not e2e" --cov --cov-report=term-missing

.PHONY: bench
bench: setup ## Measure against the machine's own cp, rsync and SQLite, and print the ratios
	@.ci/tools rsync rclone restic
	@$(bin)/holdfast bench

.PHONY: check
check: setup style types contracts pages specs ## Check everything short of running the tests

.PHONY: format
format: setup ## Lay out the code
	@$(bin)/ruff check --quiet --fix --select I .
	@$(bin)/ruff format --quiet .

.PHONY: style
style: setup
	@$(bin)/ruff format --quiet --check . || { echo "Some files are not laid out: make format" >&2; exit 1; }
	@$(bin)/ruff check --quiet .

.PHONY: types
types: setup
	@$(bin)/mypy --no-error-summary

.PHONY: contracts
contracts: setup
	@out=$$($(bin)/lint-imports 2>&1) || { printf '%s\n' "$$out" >&2; exit 1; }

.PHONY: pages
pages: setup
	@test -z "$(templates)" || out=$$($(bin)/djlint --lint --quiet templates 2>&1) || { printf '%s\n' "$$out" >&2; exit 1; }

.PHONY: specs
specs: setup ## Check that the specs are well formed and every scenario has its test
	@.ci/openspec validate --all --strict
	@$(bin)/python -m pytest -p no:randomly -q --no-header --no-summary tests/test_specs.py

.PHONY: lock
lock: setup ## Pin the newest versions that fit pyproject.toml into requirements/
	@.ci/lock

.PHONY: clean
clean: ## Remove what was made here; data/ stays
	@rm -rf .venv .tools .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* htmlcov build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
