# The daily commands. They use .venv in this folder; `make install` makes it.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install format test exhaustive check lowered docs golden samples bench wheel ci clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## editable install with everything that tests and checks need
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --editable '.[test,peers]' --group dev

format: ## bring the code into form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: ## the quick tests
	$(BIN)/pytest -q -n auto --dist worksteal

exhaustive: ## all others
	$(BIN)/pytest -q -n auto --dist worksteal -m exhaustive

check: ## form, lint, types, import contracts, all tests: before every push
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/lower.py --check
	$(BIN)/pytest -q -n auto --dist worksteal -m ''

lowered: ## make the loops' texts again, after a change of the loops
	$(BIN)/python docs/lower.py

golden: ## make the golden images again, then look at what changed
	REGENERATE=1 $(BIN)/pytest -q -m '' tests/test_golden.py
	git diff --stat tests/golden

samples: ## draw the drawn samples again
	$(BIN)/python samples/make.py

docs: ## write the generated texts again
	$(BIN)/python docs/make.py

bench: ## verify, then time
	$(BIN)/python -m bench

wheel: ## sdist and wheel, into dist/
	$(BIN)/python -m build

ci: ## all that CI runs, on what is committed
	.ci/run

clean: ## remove what tools leave behind
	rm -rf build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
