# make book   the whole way: environment, runs of the demo profile, notebooks, book
# make pdf    the built book as one PDF, by Chromium: _build/book.pdf
# make test   the whole test suite
# make PYTHON=python3.12 ..., make PROFILE=open book ..., make JOBS=4 book: other choices
PYTHON ?= python3
PROFILE ?= demo
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# pytest-xdist workers; 0 runs the suite in one process.
WORKERS ?= 2
# Where this is set, as in many containers, each of hundreds of processes would compile the package.
export PYTHONDONTWRITEBYTECODE =

.PHONY: book pdf test suite check venv lock hooks format clean distclean help
.DELETE_ON_ERROR:

help:
	@sed -n 's/^# \{0,1\}//p;/^PYTHON/q' Makefile

venv: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml scripts/install.sh
	bash scripts/install.sh $(VENV) "$(PYTHON)"
	@touch $@

book: $(INSTALLED)
	$(BIN)/ldl run all --profile $(PROFILE) --jobs $(JOBS) --book
	$(BIN)/ldl book build --profile $(PROFILE) --jobs $(JOBS)

pdf: $(INSTALLED)
	$(BIN)/python scripts/pdf.py

# The checks, which take one core, run beside the suite, which leaves some of two.
test: $(INSTALLED)
	@$(MAKE) --no-print-directory -j 2 check suite

# One thread a process: the suite runs in two, and equal thread counts make equal numbers.
# A worker that dies ends the suite; with another in its place xdist may wait forever.
suite: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile --max-worker-restart 0

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/lock.py

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(INSTALLED)
	$(BIN)/python scripts/lock.py --write

hooks: $(INSTALLED)
	$(BIN)/pre-commit install

# What is computed (records, banks) lies in .cache and stays; `make distclean` takes it too.
clean:
	rm -rf _build book/executed build dist .pytest_cache .mypy_cache .ruff_cache

distclean: clean
	rm -rf .cache $(VENV)
