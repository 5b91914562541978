# make run: everything from nothing to a served page.   make test, make lint, make bench: for development.
PYTHON ?= python3
PORT ?= 8000
ROWS ?= 10000,100000
REPORT ?=
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup setup-dev run test test-sqlite test-postgresql lint bench messages clean

help:
	@echo "make setup     virtual environment in .venv with the pinned requirements"
	@echo "make run       set up, migrate, first account, sample pictures, serve on 127.0.0.1:$(PORT) (PORT=... changes it)"
	@echo "make test      the whole test suite, in a real browser too; then what touches the database on PostgreSQL too"
	@echo "               (test-sqlite, test-postgresql: one of the two; ARGS='-k trash' a part of it)"
	@echo "make lint      ruff, mypy, import order"
	@echo "make bench     measure import, search and pages on this machine (ROWS=10000,1000000 the large size, REPORT=FOLDER writes tables)"
	@echo "make messages  collect what is to be translated, compile the translations (needs GNU gettext)"

setup: $(VENV)/.requirements

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.requirements: requirements.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

setup-dev: $(VENV)/.requirements-dev

$(VENV)/.requirements-dev: requirements-dev.txt $(VENV)/.requirements
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

run: setup
	@$(BIN)/python manage.py migrate --verbosity 0 --skip-checks
	@$(BIN)/python manage.py collectstatic --noinput --verbosity 0 --skip-checks
	@$(BIN)/python manage.py welcome
	@echo "Open http://127.0.0.1:$(PORT)/   (stop with Ctrl-C)"
	@exec $(BIN)/python manage.py serve --port $(PORT)

test: test-sqlite test-postgresql

test-sqlite: setup-dev
	@sh tests/find_browser.sh
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

test-postgresql: setup-dev
	$(BIN)/python -m pytest -p tests.on_postgresql --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run --skip-checks

bench: setup-dev
	$(BIN)/python -m tests.benchmarks --rows $(ROWS) $(if $(REPORT),--report $(REPORT))

messages: setup-dev
	$(BIN)/python manage.py makemessages --locale zh_Hans --no-obsolete --no-location --no-wrap --ignore '.venv*' --ignore 'tests' --ignore 'data'
	$(BIN)/python manage.py compilemessages --locale zh_Hans --ignore '.venv*' --ignore 'data'

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
