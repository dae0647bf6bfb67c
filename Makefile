# Everything here needs Python >= 3.11 (with venv and pip), make and git, and nothing else.
#
#   make check                  judge the queue plugin
#   make check PLUGIN=name      judge another plugin that is installed in $(VENV)
#   make test                   the project's whole test suite
#   make test-all               the same on every Python >= 3.11 of this machine
#   make lint                   ruff and mypy
#   make docs                   the documentation as a site, into docs/_build/html
#   make brokers                bring mosquitto from Debian and, with Maven, Apache Kafka for a JDK 17
#   make soak BROKER=mosquitto  20 restarts of a broker during 100,000 messages
#   make bench                  this host beside the published one, in an environment of its own
#   make field-report           the official plugins, in an environment of their own, judged
#   make field-environment      that environment alone, which some tests need
#   make bench-brokers          the plugins beside the official ones, on real brokers
#   make template-matrix        every combination of the template's answers, each project tried
#   make template-sample        some of them, which cover every pair of answers
#   make fuzz                   a million hostile messages, ten thousand hostile files
#   make build                  the wheels and source archives, into dist/
#   make clean                  remove all that the above have made
#
# PYTHON=python3.12 chooses the interpreter that the virtual environment is made with.

PYTHON ?= python3
PLUGIN ?= queue
VENV ?= .venv
BENCH_VENV ?= .venv-bench
FIELD_VENV ?= .venv-field
ARGS ?=
BROKER ?= mosquitto
# Most tests wait for something, so more of them than there are cores run side by side.
WORKERS ?= 4

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
KAFKA := .brokers/kafka
MANIFESTS := pyproject.toml $(wildcard reference_plugins/*/pyproject.toml)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: bench bench-brokers field-report field-environment soak fuzz template-matrix template-sample check test test-all lint docs brokers mosquitto build clean install
.DEFAULT_GOAL := check

check: $(INSTALLED)
	$(BIN)/pytest --sinetstream-plugin=$(PLUGIN) $(ARGS)

test: $(INSTALLED)
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-all:
	$(PYTHON) scripts/interpreters.py $(MAKE) test

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(INSTALLED)
	$(BIN)/python -m sphinx -W --keep-going -n -q -b html docs docs/_build/html

brokers: mosquitto $(KAFKA)/.complete

# Debian puts daemons where not every user's PATH looks.
mosquitto:
	@PATH="$$PATH:/usr/sbin" command -v mosquitto >/dev/null || { \
	  command -v apt-get >/dev/null || { \
	    echo "mosquitto is needed, and this is no Debian: install it by hand" >&2; exit 1; }; \
	  root=; [ "$$(id -u)" = 0 ] || root=sudo; \
	  $$root apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $$root apt-get install -qq -y --no-install-recommends mosquitto; }

# The stamp is written last, so that jars of which some did not come are brought again.
$(KAFKA)/.complete: brokers/pom.xml
	@command -v mvn >/dev/null || { \
	  echo "Maven is needed to bring Apache Kafka; on Debian: apt-get install maven" >&2; \
	  exit 1; }
	rm -rf $(KAFKA)
	mvn --batch-mode --quiet --file brokers/pom.xml package -Dfolder=$(CURDIR)/$(KAFKA)
	@touch $@

bench: $(BENCH_VENV)/.installed
	$(BENCH_VENV)/bin/python -m bench $(ARGS)

$(BENCH_VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install --quiet --editable '.[bench]'
	@touch $@

soak: $(INSTALLED)
	$(BIN)/python -m soak $(BROKER) $(ARGS)

field-report: $(FIELD_VENV)/.installed
	$(FIELD_VENV)/bin/python -m field_report $(ARGS)

field-environment: $(FIELD_VENV)/.installed

# No reference plugin belongs here: two plugins called `mqtt` in one environment are one too many.
$(FIELD_VENV)/.installed: pyproject.toml field_report/requirements.txt
	$(PYTHON) -m venv $(FIELD_VENV)
	$(FIELD_VENV)/bin/python -m pip install --quiet --editable '.[conformance]' \
	  --requirement field_report/requirements.txt
	@touch $@

bench-brokers: $(INSTALLED) $(FIELD_VENV)/.installed
	$(BIN)/python -m bench.brokers --official $(FIELD_VENV)/bin/python $(ARGS)

template-matrix: $(INSTALLED)
	$(BIN)/python scripts/template_matrix.py $(ARGS)

template-sample: $(INSTALLED)
	$(BIN)/python scripts/template_matrix.py --sample $(ARGS)

fuzz: $(INSTALLED)
	SINETSTREAM_FUZZ_MESSAGES=1000000 SINETSTREAM_FUZZ_FILES=10000 \
	  $(BIN)/pytest -s tests/host/test_host_fuzz.py $(ARGS)

build: $(INSTALLED)
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python -m build --no-isolation --outdir dist reference_plugins/queue
	$(BIN)/python -m build --no-isolation --outdir dist reference_plugins/mqtt
	$(BIN)/python -m build --no-isolation --outdir dist reference_plugins/kafka

install: $(INSTALLED)

# Both in one go: the queue plugin needs the SDK, which must then come from here and not from an
# index. The stamp is written last, so that an interrupted installation is done again.
$(INSTALLED): $(MANIFESTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; '$(PYTHON)' is" \
	    "$$($(PYTHON) --version 2>&1 || true)." >&2; \
	  echo "Name another one, for instance: make $(firstword $(MAKECMDGOALS) check)" \
	    "PYTHON=python3.12" >&2; \
	  exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]' --editable reference_plugins/queue \
	  --editable 'reference_plugins/mqtt[test]' --editable reference_plugins/kafka
	@touch $@

clean:
	rm -rf .venv .venv-* .brokers build dist docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find sdk conformance cli reference_plugins scripts bench soak field_report tests -name __pycache__ -type d -prune \
	  -exec rm -rf {} +
