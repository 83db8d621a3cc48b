# `make demo` and `make test` do all the set-up themselves: Python 3.11+ and make is all they need.

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP_OPTIONS := --disable-pip-version-check --quiet
PIP := $(BIN)/python -m pip $(PIP_OPTIONS)

# Servers that the tests talk to; tools/stack.py says where they come from.
STACK := promtool prometheus alertmanager amtool victoria-metrics vmagent vmalert kubectl docker-compose chromium tmux

ARGS ?= --groups A,B --speed 5

.DEFAULT_GOAL := help
.PHONY: help demo test quick fuzz endurance lowest pythons check audit costs generate pictures film snapshot bench load fleet site release mutants rehearsals proofs differential lock clean

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: $(VENV)/run ## Simulate a training run and serve it (ARGS="--speed 20" for other options)
	@$(BIN)/sanctum-exporter demo $(ARGS)

test: $(VENV)/dev ## Run all tests; a real server that cannot be had is a skip that says so
	@$(BIN)/python tools/stack.py $(STACK) || test -z "$$REQUIRE_STACK"
	@$(BIN)/python -m tests.grafana.install || test -z "$$REQUIRE_STACK"
	@$(BIN)/python -m tests.browser.install || test -z "$$REQUIRE_STACK"
	@$(MAKE) --no-print-directory .venvs/docs .venvs/release || test -z "$$REQUIRE_STACK"
	@echo "this takes about eight minutes, most of them spent waiting for real servers"
	@$(BIN)/python -m pytest tests/unit tests/behaviour tests/parity --numprocesses 2 --dist worksteal
	@$(BIN)/python -m pytest tests/stack --numprocesses 3 --dist loadfile

quick: $(VENV)/dev ## Run every test that needs no server, in less than a minute
	@$(BIN)/python -m pytest tests/unit tests/behaviour tests/parity --numprocesses 6 --dist worksteal

fuzz: $(VENV)/dev ## Try a million random inputs, and run the property tests long (about twenty minutes)
	@$(BIN)/python -m tests.fuzz
	@HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -m hypothesis

endurance: $(VENV)/dev ## Take in ten million events while runs, groups and scrapes come and go; memory at each million
	@$(BIN)/python benchmarks/endurance.py

lowest: .venvs/lowest ## Run unit, parity and command line tests on the lowest declared versions
	@.venvs/lowest/bin/python -m pytest -q -p no:cacheprovider tests/unit tests/parity tests/behaviour/test_command_line.py tests/behaviour/test_otlp_push.py

pythons: $(VENV)/dev ## Run the same on every other Python from 3.11 to 3.14 that can be had
	@$(BIN)/python tools/pythons.py

check: $(VENV)/dev ## Linters, types, import contracts, generated files
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tools.generate --check

audit: $(VENV)/dev ## Compare the pinned dependencies with advisories, and what is installed with what is pinned
	@$(BIN)/python -m tools.audit

costs: $(VENV)/dev ## Measure what each dependency takes on disk and at import, for docs/dependencies.md
	@$(BIN)/python -m tools.costs

generate: $(VENV)/dev ## Write every generated file anew
	@$(BIN)/python -m tools.generate

pictures: $(VENV)/dev ## Draw the dashboards with Grafana's component library, and take pictures of the page
	@$(BIN)/python tools/stack.py prometheus chromium
	@$(BIN)/python -m tests.grafana.install --all
	@$(BIN)/python -m tests.grafana.picture
	@$(BIN)/python -m tests.browser.picture

film: $(VENV)/dev ## Film a recorded run in the terminal and on the page, for the README
	@$(BIN)/python tools/stack.py chromium
	@$(BIN)/python -m tests.browser.film

snapshot: $(VENV)/dev ## Draw the pictures of the live panel anew, the one that a test compares too
	@$(BIN)/python -m tests.unit.terminal.picture

bench: ARGS =
bench: .venvs/bench ## Measure us beside others, and write docs/performance.md (ESPER and ESPER_PYTHON as for differential)
	@.venvs/bench/bin/python tools/stack.py mtail || true
	@ESPER="$(ESPER)" ESPER_PYTHON="$(ESPER_PYTHON)" .venvs/bench/bin/python -m benchmarks $(ARGS)

load: $(VENV)/dev ## Serve 200 scrapers and 500 slow clients at 10,000 events a second (half a minute)
	@$(BIN)/python -m tests.load

fleet: $(VENV)/dev ## Measure a Prometheus that scrapes 10, 100 and 1,000 trainers
	@$(BIN)/python tools/stack.py prometheus victoria-metrics
	@$(BIN)/python benchmarks/fleet.py

mutants: $(VENV)/dev ## Change the code in a thousand small ways, and list the changes that no test notices
	@$(PIP) install mutmut==3.8.1
	@rm -rf mutants
	@$(BIN)/mutmut run --max-children 2; $(BIN)/mutmut results

rehearsals: $(VENV)/dev ## Play every scenario of the alerts in every setup, and write their table (about half an hour)
	@$(BIN)/python tools/stack.py promtool
	@PATH="$(CURDIR)/.stack/bin:$$PATH" $(BIN)/python -m tests.rehearsals

proofs: $(VENV)/dev ## Wait for the alerts on real servers in real time, and kill those servers (about half an hour)
	@$(BIN)/python tools/stack.py $(STACK)
	@REQUIRE_STACK=1 $(BIN)/python -m pytest -s tests/proofs

differential: ARGS = --events 100000
differential: $(VENV)/dev ## Compare with esper-lite itself, event by event (ESPER=its src folder, ESPER_PYTHON=a Python with what it needs and what we need)
	@PYTHONPATH=$(ESPER):.:src $(or $(ESPER_PYTHON),$(BIN)/python) -m tests.differential $(ARGS)

lock: $(VENV)/dev ## Pin the newest dependencies, and the hashes of their files
	@$(BIN)/pip-compile --quiet --upgrade --strip-extras --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --no-header --extra tls --extra top --output-file requirements.txt pyproject.toml
	@$(BIN)/pip-compile --quiet --upgrade --strip-extras --generate-hashes --no-emit-index-url --allow-unsafe \
		--no-emit-find-links --no-emit-trusted-host --no-header --output-file requirements-dev.txt requirements-dev.in
	@$(BIN)/pip-compile --quiet --upgrade --strip-extras --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --no-header --output-file benchmarks/requirements.txt benchmarks/requirements.in
	@for name in docs/requirements requirements-release; do \
		$(BIN)/pip-compile --quiet --upgrade --strip-extras --generate-hashes --no-emit-index-url --allow-unsafe \
			--no-emit-find-links --no-emit-trusted-host --no-header --output-file $$name.txt $$name.in || exit 1; done

site: .venvs/docs ## Build the documentation as a site, into build/site
	@NO_MKDOCS_2_WARNING=1 .venvs/docs/bin/mkdocs build --strict --quiet

release: ARGS =
release: .venvs/release $(VENV)/dev ## Build wheel, sdist, SBOM and checksums into dist/, and check them (ARGS="--tag v0.2.0")
	@rm -rf dist
	@.venvs/release/bin/python -m tools.release --tests "$(CURDIR)/$(BIN)/python" $(ARGS)

clean: ## Remove what the other targets made
	rm -rf $(VENV) .venvs .stack build dist mutants tests/grafana/node_modules tests/browser/node_modules .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install python3.11 and call make again" >&2; exit 1; }
	@echo "Making $(VENV) with what is needed, once: this takes about half a minute" >&2
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment: install its venv module (python3-venv)" >&2; exit 1; }

$(VENV)/run: requirements.txt pyproject.toml src/sanctum_exporter/_version.py | $(BIN)/python
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/dev: requirements-dev.txt $(VENV)/run
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

.venvs/bench: requirements.txt benchmarks/requirements.txt | $(BIN)/python
	@rm -rf $@
	@$(PYTHON) -m venv $@
	@$@/bin/python -m pip $(PIP_OPTIONS) install -r requirements.txt
	@$@/bin/python -m pip $(PIP_OPTIONS) install -r benchmarks/requirements.txt
	@$@/bin/python -m pip $(PIP_OPTIONS) install --no-deps --editable .
	@touch $@

.venvs/docs: docs/requirements.txt | $(BIN)/python
	@rm -rf $@
	@$(PYTHON) -m venv $@
	@$@/bin/python -m pip $(PIP_OPTIONS) install --require-hashes -r $<
	@touch $@

.venvs/release: requirements-release.txt | $(BIN)/python
	@rm -rf $@
	@$(PYTHON) -m venv $@
	@$@/bin/python -m pip $(PIP_OPTIONS) install --require-hashes -r $<
	@touch $@

.venvs/lowest: pyproject.toml requirements-dev.txt | $(VENV)/dev
	@rm -rf $@
	@$(PYTHON) -m venv $@
	@$(BIN)/python tools/lowest.py > $@/constraints.txt
	@sed '/^import-linter==/,/^[^ ]/{/^import-linter==/d;/^ /d}' requirements-dev.txt | \
		$@/bin/python -m pip $(PIP_OPTIONS) install --require-hashes -r /dev/stdin
	@$@/bin/python -m pip $(PIP_OPTIONS) install --upgrade --constraint $@/constraints.txt $$(cut -d= -f1 $@/constraints.txt)
	@$@/bin/python -m pip $(PIP_OPTIONS) install --no-deps --editable .
	@touch $@
