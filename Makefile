# Everything starts here; `make setup` is implied wherever it is needed.
PYTHON ?= python3
USE_CASE ?= customer_churn
# Tests side by side; each process needs 2 GB.
WORKERS ?= 2
DEMO := build/demo
BIN := $(CURDIR)/.venv/bin

.PHONY: setup demo test test-fast lint format lock bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo       generate a project, run its pipeline, print verdict and report (USE_CASE=$(USE_CASE))"
	@echo "make test       all tests; make test-fast: those without a pipeline run"
	@echo "make lint       format check, lint, types"
	@echo "make bench      all benchmarks"
	@echo "make setup      only the environment"

setup:
	@$(PYTHON) bootstrap.py --editable .

demo: setup
	@rm -rf $(DEMO)/$(USE_CASE)_demo
	@mkdir -p $(DEMO)
	@$(BIN)/cookiecutter . --no-input --output-dir $(DEMO) use_case=$(USE_CASE) \
		project_name="$(USE_CASE) demo" project_slug=$(USE_CASE)_demo
	@cd $(DEMO)/$(USE_CASE)_demo && $(BIN)/solutionkit run

test: setup
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile

test-fast: setup
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile -m "not slow"

lint: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: setup
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

lock: setup
	@$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet \
		pyproject.toml --group dev --output-file requirements.lock

bench: setup
	@for file in benchmarks/*/run.py; do $(BIN)/python $$file || exit 1; done

clean:
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache
