# Each target is enough alone on a fresh clone. `make book` and `make test` are the two that matter.
PYTHON ?= python3
JOBS   ?= 2

PY    := .venv/bin/python
STAMP := .venv/.installed

# Notebooks and tests that call `lfmp` find this environment's one. The folder's name may hold spaces.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONUTF8 = 1
# Images of containers often forbid it, and every notebook and test would compile 2,500 modules again.
export PYTHONDONTWRITEBYTECODE =

.PHONY: outputs picture help install book execute html browse test lint format nbval types lock clean bench bench-pairs bench-epoch bench-cost

help:
	@echo "make book    install, run every notebook (planted data, minutes in all), build _build/html/index.html"
	@echo "make test    install, check style and types, run the tests, compare the notebooks' stored outputs"
	@echo "make browse  look at the built book in an installed Chromium: nothing broken, no barrier, tables work"
	@echo "make lint    style only                 make format  mend what can be mended"
	@echo "make bench   install the peers, measure this project against them (BENCH=--help: what can be chosen)"
	@echo "make bench-pairs    the same of recommenders, in training and in ranking"
	@echo "make bench-epoch    the same of a whole epoch, from a prepared folder to a saved model"
	@echo "make bench-cost     seconds and memory of every method's phases, on a server and under an edge's cap"
	@echo "make clean   remove what was built      make lock    write requirements.lock from .venv"

install: $(STAMP)

# Written last, so an interrupted installation is taken up again. Modules are compiled when first imported:
# most of what comes along never is.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say which: make PYTHON=python3.11")'
	test -x $(PY) || $(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-compile --no-deps -e .
	@touch $@

book: execute html

execute: $(STAMP)
	$(PY) -m lfmp_book.executor execute --jobs $(JOBS)

html: $(STAMP)
	.venv/bin/jupyter-book build . -W --keep-going
	@echo "The book: $(CURDIR)/_build/html/index.html"

browse: $(STAMP)
	$(PY) -m pytest tests/browser -n $(JOBS) -q

test: lint types
	$(PY) -m pytest tests -n $(JOBS) --dist loadfile -q
	$(MAKE) nbval

# loadfile: one notebook stays with one worker, else its cells run out of order. What has run and is as it
# was stored is kept for the book, so that `make book` doesn't run it again.
nbval: $(STAMP)
	$(PY) -m pytest --nbval notebooks --nbval-cell-timeout=600 --nbval-current-env -p no:cacheprovider -p lfmp_book.kept -n $(JOBS) --dist loadfile -q

lint: $(STAMP)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: $(STAMP)
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

types: $(STAMP)
	$(PY) -m mypy

lock:
	$(PY) -m pip freeze --exclude-editable | sed -e 's/^torch==\([0-9.]*\)+cpu$$/torch==\1/' -e '/^lfmp[-_]core/d' > requirements.lock

# Stored outputs of the notebooks, from the quick profile; `make test` compares them.
outputs: $(STAMP)
	$(PY) -m lfmp_book.executor store

# The README's pictures: of the committed reference records, and of advice on planted rows.
picture: $(STAMP)
	$(PY) -m lfmp_book.pictures

# Speed against the peers, in an environment of their own; e.g. make bench BENCH="--cases deepfm16 --rounds 3".
BENCH_PY := .venv-bench/bin/python

bench: .venv-bench/.installed
	$(BENCH_PY) -m benchmarks $(BENCH)

# Recommenders beside the same models in plain torch; e.g. make bench-pairs BENCH="--groups ranking --rounds 3".
bench-pairs: .venv-bench/.installed
	$(BENCH_PY) -m benchmarks.pairs $(BENCH)

# From a prepared folder to a saved model; e.g. make bench-epoch BENCH="--rows 50000 --rounds 1".
bench-epoch: .venv-bench/.installed
	$(BENCH_PY) -m benchmarks.epochs $(BENCH)

# What training and serving take, phase by phase; no peers, so this environment will do.
bench-cost: $(STAMP)
	$(PY) -m benchmarks.costs $(BENCH)

.venv-bench/.installed: benchmarks/requirements.txt pyproject.toml
	test -x $(BENCH_PY) || $(PYTHON) -m venv .venv-bench
	$(BENCH_PY) -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	$(BENCH_PY) -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

clean:
	rm -rf _build book/executed book/api book/methods .pytest_cache .ruff_cache .mypy_cache *.egg-info
	find . -name __pycache__ -type d -not -path './.venv*' -prune -exec rm -rf {} +
