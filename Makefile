# Doors to what one does often. Without make: the README has the commands themselves.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install test test-all lint format notebooks benchmarks site lab clean

help: ## say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(BIN)/simqueue ## make .venv with everything

$(BIN)/simqueue: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

test: install ## the quick tests and the notebooks
	$(BIN)/python -m pytest

test-all: install ## all tests, the slow ones too
	$(BIN)/python -m pytest --slow

lint: install ## what pre-commit checks, on every file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install ## put the code in its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

notebooks: install ## run every notebook and store its outputs
	$(BIN)/python notebooks/run.py

benchmarks: install ## speed and memory, as ratios measured in one run
	$(BIN)/python -m benchmarks

site: install ## make the site of documents, API and course in build/site
	$(BIN)/python -m sphinx -q -W --keep-going -j auto -c docs . build/site

lab: install ## open the course in JupyterLab
	$(BIN)/jupyter lab notebooks

clean: ## remove the environment and what runs left behind
	rm -rf .venv build shop.db shop.db-* sent-emails .hypothesis .mypy_cache .ruff_cache .pytest_cache
