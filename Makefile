# make demo, make test: each makes what it needs first. PYTHON=python3.12 chooses another Python, VENV another folder for it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# More for pip's command line.
CONSTRAINTS ?=
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINTS)

# A folder that `make demo` takes its documents from, in place of making some.
CORPUS ?=
# More for a benchmark's command line.
ARGS ?=
# Of the long runs: how long, how often, the random numbers to repeat, and how many crash points and failing calls.
MINUTES ?= 10
RUNS ?= 20
SEED ?=
POINTS ?= 1000
FAILURES ?= 200
# Of `make attacks`: one attack in place of all.
ROW ?=
# Of `make simulate`: how many downloaders each swarm has.
N ?= 100,1000
# Of `make fuzz`: one target in place of all, and how long each is run.
TARGET ?=
SECONDS ?= 60
# Tests that start processes run on two cores: the functions of a file in one process, and in the order in which they are collected, as
# trial's TestCases can only run before the first function of pytest-twisted.
BY_FILE = -n 2 --dist loadscope --no-loadscope-reorder
# Modules with trial TestCases, as trial names them; those under tests/e2e are pytest's alone.
TRIAL = $(shell grep -rlE 'twisted\.trial\.unittest|tests\.support\.[a-z_]*_case' tests --include='test_*.py' --exclude-dir=e2e | sort | sed 's|/|.|g; s|\.py$$||')

.NOTPARALLEL:
.PHONY: help demo check test test-lowest coverage lint types trial pytest kill9 kill9-redis crash docs bench-rs bench-registry bench-redis bench-workers bench-loopback bench-memory bench-processor bench-direct bench-netlab bench-pages simulate fuzz man soak soak-hostile push gone attacks reliability hooks changelog dist clean FORCE

help:
	@sed -n 's/^\([a-z0-9-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(VENV)/installed-experiment ## a registration server and six peers on this machine exchange 60 documents (CORPUS=dir)
	$(BIN)/p2p demo$(if $(CORPUS), --corpus '$(CORPUS)')

test: lint types trial pytest ## everything that CI checks

check: lint types ## lint, types and the fast tests, on two cores within 90 s
	$(BIN)/python -m pytest -n 2 -m 'not slow' --ignore tests/e2e

lint: $(VENV)/installed-test ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-test ## mypy, strict
	$(BIN)/mypy

trial: $(VENV)/installed-test ## the trial TestCases under trial
	$(BIN)/python -m twisted.trial --reporter=text $(TRIAL)

pytest: $(VENV)/installed-test ## all tests under pytest, on two cores: the fast ones, then those that start processes
	$(BIN)/python -m pytest -ra -n 2 -m 'not slow' --ignore tests/e2e
	$(BIN)/python -m pytest -ra $(BY_FILE) -m slow --ignore tests/e2e
	$(BIN)/python -m pytest -ra $(BY_FILE) tests/e2e

test-lowest: ## all tests with the lowest versions that setup.cfg declares
	@mkdir -p build
	$(PYTHON) .ci/lowest > build/lowest.txt
	$(MAKE) pytest VENV=.venv-lowest CONSTRAINTS='--constraint build/lowest.txt'

coverage: $(VENV)/installed-test ## all tests, and how many lines and branches they reach, in child processes too
	rm -rf build/coverage
	mkdir -p build/coverage
	PYTHONPATH=$(CURDIR) $(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage json --quiet --fail-under=0 -o - | $(BIN)/python .ci/coverage-gate
	$(BIN)/coverage report

kill9: $(VENV)/installed-test ## 50 times an RS killed with signal 9 under load, all answers held against it
	P2P_KILLS=50 $(BIN)/python -m pytest -s tests/rs/test_kill9.py

kill9-redis: $(VENV)/installed-test ## RS on one Redis under load: 20 times one or a worker is killed with signal 9, 5 times Redis
	P2P_KILLS=20 P2P_RESTARTS=5 $(BIN)/python -m pytest -s tests/rs/test_kill9_redis.py tests/rs/test_kill9_workers.py

crash: $(VENV)/installed-test ## a downloader killed at POINTS=1000 points, and FAILURES=200 system calls that fail
	P2P_CRASH_POINTS=$(POINTS) P2P_FAILURES=$(FAILURES) $(BIN)/python -m pytest -s tests/crash

bench-rs: $(VENV)/installed ## KeepAlive with 100 000 peers, against a bare LineReceiver (ARGS="...")
	$(BIN)/python -m benchmarks.keepalive $(ARGS)

bench-redis: $(VENV)/installed-test ## KeepAlive with the registry in Redis, against SQLite (ARGS="...")
	$(BIN)/python -m benchmarks.keepalive_redis $(ARGS)

bench-workers: $(VENV)/installed-test ## KeepAlive with two workers of an RS, against one process (ARGS="...")
	$(BIN)/python -m benchmarks.workers $(ARGS)

bench-registry: $(VENV)/installed ## an RS with 1 000 000 peers, durable Registers, samples, and opentracker (ARGS="...")
	$(BIN)/python -m benchmarks.registry $(ARGS)

bench-loopback: $(VENV)/installed ## a large file on loopback, against curl from nginx (ARGS="...")
	$(BIN)/python -m benchmarks.loopback $(ARGS)

bench-memory: $(VENV)/installed ## memory of peers that send and receive 4 GiB, and of one with slow readers (ARGS="...")
	$(BIN)/python -m benchmarks.memory $(ARGS)

bench-processor: $(VENV)/installed-benchmarks ## processor time for a large file on loopback, against libtorrent (ARGS="...")
	$(BIN)/python -m benchmarks.processor $(ARGS)

bench-direct: $(VENV)/installed ## one downloader on shaped links, against curl, and with faults of its source; as root (ARGS="...")
	$(BIN)/python -m benchmarks.direct $(ARGS)

bench-netlab: $(VENV)/installed-benchmarks ## works on shaped links, against libtorrent; as root (ARGS="...")
	$(BIN)/python -m benchmarks.netlab $(ARGS)

bench-pages: $(VENV)/installed-test ## the pages of a peer with 100 000 documents of 1 000 peers, in Chromium (ARGS="...")
	$(BIN)/python -m benchmarks.pages $(ARGS)

simulate: $(VENV)/installed ## swarms of N=100,1000 downloaders in virtual time, the real rules over links that are arithmetic (ARGS="...")
	$(BIN)/python -m benchmarks.simulation --peers $(N) $(ARGS)

soak: $(VENV)/installed ## an RS and five peers at random for MINUTES=10, every failure explained (SEED=n repeats)
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES)$(if $(SEED), --seed $(SEED))

soak-hostile: $(VENV)/installed-test ## an RS and peers among strangers that do every attack at a tenth of its rate, for MINUTES=60; as root
	$(BIN)/python -m benchmarks.soak.hostile --minutes $(if $(filter file,$(origin MINUTES)),60,$(MINUTES))

push: $(VENV)/installed ## RUNS=20 times 2 GB in 300 files to three peers while the files are touched (SEED=n)
	$(BIN)/python -m benchmarks.soak.push --runs $(RUNS)$(if $(SEED), --seed $(SEED)) $(ARGS)

gone: $(VENV)/installed ## RUNS=20 times p2p get where 300 of 301 holders are gone
	$(BIN)/python -m benchmarks.soak.gone --runs $(RUNS) $(ARGS)

attacks: $(VENV)/installed-test ## strangers attack an RS and peers, each attack against its bar; as root (ROW=name: that one)
	$(BIN)/python -m benchmarks.attacks $(ROW)

reliability: $(VENV)/installed-test ## the latest figures into docs/reliability.rst (ARGS=--run: and the tests that are named there)
	$(BIN)/python -m benchmarks.reliability $(ARGS)

fuzz: $(VENV)/installed-test ## fuzz targets with atheris for SECONDS=60 each (TARGET=requests: that one)
	@$(BIN)/python -c 'import atheris' 2> /dev/null || $(PIP) --editable '.[fuzz]' > /dev/null 2>&1 || true
	$(BIN)/python -m fuzz --seconds $(SECONDS) $(TARGET)

docs: $(VENV)/installed-docs ## the pages, into docs/_build
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build

man: $(VENV)/installed ## the man pages, made of the text of --help, into man
	$(BIN)/python -m p2p_twisted.cli.man_pages man

hooks: $(VENV)/installed-test $(VENV)/installed-dev ## have git check each commit (pre-commit)
	$(BIN)/pre-commit install

changelog: $(VENV)/installed-docs ## show the changes since the last release, from newsfragments/
	$(BIN)/towncrier build --draft

dist: $(VENV)/installed-release ## a source distribution and a wheel, into dist/ (docs/releasing.rst)
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

clean: ## remove all that make has made
	rm -rf $(VENV) .venv-lowest build dist docs/_build *.egg-info _trial_temp* tests.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)

# The install is editable: it follows every edit, but knows only the files there were when it was made.
$(VENV)/modules: FORCE | $(BIN)/pip
	@find p2p_twisted twisted_plugins -type f ! -name '*.pyc' | sort | cmp -s - $@ || find p2p_twisted twisted_plugins -type f ! -name '*.pyc' | sort > $@

$(VENV)/installed: setup.cfg pyproject.toml $(VENV)/modules
	$(PIP) --editable .
	@touch $@

$(VENV)/installed-benchmarks: $(VENV)/installed benchmarks/requirements.txt
	$(PIP) --requirement benchmarks/requirements.txt
	@touch $@

$(VENV)/installed-%: setup.cfg pyproject.toml $(VENV)/modules
	$(PIP) --editable '.[$*]'
	@touch $@
