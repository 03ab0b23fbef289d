# Verbs of the project. `make chaos` and `make test` need Python 3.11+ and a package index, nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Nodes start in a third of the time from compiled modules; some machines forbid them by default.
unexport PYTHONDONTWRITEBYTECODE
READY  := $(VENV)/.ready
JOBS   ?= auto
SECONDS ?= 60
SEED   ?=

.PHONY: setup chaos test fast check fix soak power toxiproxy report docs clean
.DEFAULT_GOAL := chaos

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "mqhavoc needs Python 3.11 or later; found $$($(PYTHON) -V); say make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . --group dev
	@# Nodes start often, and where bytecode is not written they would be compiled each time.
	@$(BIN)/python -m compileall -q broker checkers harness histories nemesis simulation
	@touch $(READY)

# The main job: a short chaos run, its verdict and its report.
chaos: setup
	$(BIN)/mqhavoc run --time-limit $(SECONDS) --nemesis kill-master,partition,delay-replication $(if $(SEED),--seed $(SEED))

# The whole suite: pure, simulated, and with real processes on loopback.
test: setup
	$(BIN)/pytest -n $(JOBS)

# What needs no process of its own.
fast: setup
	$(BIN)/pytest -n $(JOBS) -m "not live and not interop"

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_tidy.py

fix: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The long proofs: hours.
soak: setup
	$(BIN)/pytest -m soak -n $(JOBS) --timeout 14400

# Planted bugs against the checkers: which is found, by what, in how many simulated runs.
power: setup
	$(BIN)/mqhavoc power

# The real toxiproxy server, into a cache folder outside the repository. Needs Go.
toxiproxy: setup
	$(BIN)/python -m nemesis.install_toxiproxy

report: setup
	$(BIN)/python -m harness.report runs/latest

docs: setup
	$(BIN)/python -m harness.docs

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis
