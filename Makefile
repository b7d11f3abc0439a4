# make demo and make test set up whatever they need on a Debian or Ubuntu with Python >= 3.11.

VENV := .venv
BIN := $(VENV)/bin

# What make test runs, and in how many processes: make test TESTS=tests.unit JOBS=1
TESTS ?= tests
JOBS ?= 2
# What make test-fast runs: no servers, no browser, no network namespaces.
# Contracts that need a server stand in tests/contracts/servers/.
FAST_TESTS := tests.unit tests.functional \
	$(subst /,.,$(basename $(wildcard tests/contracts/test_*.py)))
# What make coverage runs.
COVER ?= $(FAST_TESTS)
# How many payloads and stanzas make soak tries.
FUZZ ?= 100000
# How often make soak runs the integration tests.
ROUNDS ?= 3

# How often make soak kills a daemon.
KILLS ?= 50

# Kills the demo with make, even after a kill -9 of make.
WITH_MAKE := $(shell command -v setpriv >/dev/null 2>&1 && echo setpriv --pdeathsig TERM)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Two sets of dependencies must not be installed into one place at once.
.NOTPARALLEL:

.PHONY: help demo test test-fast coverage lint docs screenshots bench soak prosody test-programs bench-programs clean

help:
	@echo "make demo    two daemons share a folder on this machine; nothing else is touched"
	@echo "make test    the whole test suite [TESTS=tests.unit] [JOBS=2]"
	@echo "make test-fast  the tests without servers, browser and network namespaces [JOBS=6]"
	@echo "make coverage  lines and branches that the tests run, by package [COVER=tests.unit]"
	@echo "make lint    ruff, mypy, who may import whom, spelling"
	@echo "make docs    the documentation, to docs/_build"
	@echo "make screenshots  the pictures of the page, to docs/images"
	@echo "make bench   the benchmarks; they take half an hour"
	@echo "make soak    a long fuzz [FUZZ=100000], kill -9 at any moment [KILLS=50], then the integration"
	@echo "             tests again and again [ROUNDS=3]"
	@echo "make clean   remove everything that these made"

demo: $(VENV)/has-test prosody
	@exec $(WITH_MAKE) $(BIN)/bitween demo

test: $(VENV)/has-test prosody test-programs
	$(BIN)/python -m twisted.trial -j$(JOBS) $(TESTS)

# These mostly wait: on two quiet cores six processes take 91 s, four 107 s.
test-fast: JOBS = 6
test-fast: $(VENV)/has-test
	$(BIN)/python -m twisted.trial -j$(JOBS) $(FAST_TESTS)

coverage: $(VENV)/has-test $(VENV)/has-coverage
	$(BIN)/coverage erase
	PYTHONPATH=$(CURDIR)/tools/coverage $(BIN)/python -m twisted.trial -j$(JOBS) $(COVER)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet --directory build/coverage
	@$(BIN)/coverage json --quiet -o - | tools/show-coverage
	@echo "each line: build/coverage/index.html"

lint: $(VENV)/has-test $(VENV)/has-lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell
	$(BIN)/python tools/check-prose
	$(BIN)/python tools/draw-house --check

docs: $(VENV)/has-docs
	$(BIN)/python -m bitween.api.discovery.reference >docs/api.rst
	$(BIN)/python tools/make-man
	$(BIN)/sphinx-build --quiet --fail-on-warning --builder html docs docs/_build

screenshots: $(VENV)/has-test prosody test-programs
	$(BIN)/python tools/make-screenshots

bench: $(VENV)/has-test prosody bench-programs
	$(BIN)/python -m benchmarks.announce
	$(BIN)/python -m benchmarks.catalogue
	$(BIN)/python -m benchmarks.lists
	$(BIN)/python -m benchmarks.scale
	$(BIN)/python -m benchmarks.answers
	$(BIN)/python -m benchmarks.rpc
	$(BIN)/python -m benchmarks.hashing
	$(BIN)/python -m benchmarks.swarm
	$(BIN)/python -m benchmarks.transfer
	$(BIN)/python -m benchmarks.seeding
	$(BIN)/python -m benchmarks.relay
	$(BIN)/python -m benchmarks.reach

soak: $(VENV)/has-test prosody test-programs
	BITWEEN_FUZZ=$(FUZZ) KILLS=$(KILLS) $(BIN)/python -m twisted.trial tests.soak
	for round in $$(seq $(ROUNDS)); do $(BIN)/python -m twisted.trial tests.integration || exit; done

prosody:
	@tools/get-prosody

test-programs:
	@tools/get-test-programs

bench-programs: $(VENV)/has-test
	@tools/get-bench-programs $(VENV)

# One stamp for each set of dependencies that is installed.
$(VENV)/has-%: setup.cfg pyproject.toml tools/make-venv
	@echo "setting up $(VENV) ($*)"
	@tools/make-venv $(VENV)
	@$(BIN)/pip install --quiet --editable '.[$*]'
	@touch $@

clean:
	rm -rf $(VENV) build dist docs/_build _trial_temp* .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -f twisted/plugins/dropin.cache
