# The only entrance: `make help` lists all targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The environment of the channels' peers in benchmarks, separate from the bot's packages.
PEERS := .venv-peers
# Options for every `pip install`, such as PIP_FLAGS="--extra-index-url https://download.pytorch.org/whl/cpu".
PIP_FLAGS ?=
PIP_INSTALL = $(BIN)/pip install --disable-pip-version-check $(PIP_FLAGS)
# The versions of indirect dependencies: each file of requirements names this one.
CONSTRAINTS := requirements/constraints.txt
# What is installed: all that preparing a model needs, or only what serving needs. A stamp file marks each.
INSTALLED := $(or $(wildcard $(VENV)/.prepare),$(VENV)/.serve)

.DEFAULT_GOAL := help
.PHONY: help install run check dead processes test chaos bench answers lint model screenshots pins texts clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

install: $(INSTALLED) ## install what this machine needs: PyTorch only if there is no prepared model
	@if [ ! -e $(VENV)/.prepare ] && $(BIN)/python -m classifier.prepare.whole_set; then \
		$(MAKE) --no-print-directory $(VENV)/.prepare; fi

run: install ## install, prepare the model, start the bot in the foreground; Ctrl-C stops it
	@$(BIN)/python -m classifier.prepare
	@umask 077; mkdir -p run/logs
	@umask 077; $(BIN)/python -m common.programs.processes
	@$(BIN)/python -m common.programs.banner
	@umask 077; exec $(BIN)/supervisord --nodaemon --configuration supervisord.conf

check: $(INSTALLED) ## say what is wrong and what to do: settings, token, Redis, model, disk, port, programs
	@$(BIN)/python -m common.programs.check

# Not from the environment.
SHOW =
RETRY =
DEAD = $(if $(SHOW),show '$(SHOW)',$(if $(filter all,$(RETRY)),retry --all,$(if $(RETRY),retry '$(RETRY)',list)))

dead: $(INSTALLED) ## list the messages that could not be handled; SHOW=ID shows one, RETRY=ID or RETRY=all tries again
	@$(BIN)/python -m common.programs.dead_letters $(DEAD)

processes: $(INSTALLED) ## after a change of CLASSIFY_PROCESSES, and before `supervisorctl update`
	@umask 077; $(BIN)/python -m common.programs.processes

# Not from the environment.
LABELLED =

model: $(VENV)/.prepare ## prepare the model that MODEL names; LABELLED=folder-or-csv measures how sure it may be
	@$(BIN)/python -m classifier.prepare $(if $(LABELLED),--labelled '$(LABELLED)')

test: $(VENV)/.test ## install what the tests need, run all of them, and say how much of the code the unit tests run
	@sh tests/system_packages.sh
	$(BIN)/coverage run -m pytest tests/unit
	$(BIN)/python -m pytest tests/integration tests/hostile -n 2 --dist loadfile
	$(BIN)/python -m pytest tests --ignore=tests/unit --ignore=tests/integration --ignore=tests/hostile
	@printf 'Coverage in percent: '; $(BIN)/coverage report --format=total

# Not from the environment: some shells export their own SECONDS.
SECONDS = 300
SEED =

chaos: $(VENV)/.test ## kill every process again and again for SECONDS=300, and see that nothing is lost; SEED=7 replays
	$(BIN)/python -m tests.chaos --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

bench: $(VENV)/.bench $(PEERS)/.installed ## measure every claim next to its peers, and write docs/performance.md again
	$(BIN)/python -m benchmarks.bench_classify --write
	$(BIN)/python -m benchmarks.bench_channels --write
	$(BIN)/python -m benchmarks.bench_growth --write
	$(BIN)/python -m benchmarks.bench_pipeline --write
	PYTHON=$(BIN)/python benchmarks/bench_memory.sh --write

# Not from the environment. Without them: what is drawn here.
OTHERS =

answers: $(VENV)/.prepare ## measure how good the answers are to photos in LABELLED and OTHERS, and write docs/answers.md again
	$(BIN)/python -m benchmarks.bench_answers --write $(if $(LABELLED),--labelled '$(LABELLED)') \
		$(if $(OTHERS),--others '$(OTHERS)')

lint: $(VENV)/.test ## check style, types, and which part imports which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-logo --no-cache

screenshots: $(VENV)/.test ## make the README's pictures again, in a real chat with the real bot
	$(BIN)/python -m docs.screenshots

pins: $(VENV)/.test ## update the pinned version of each package that the requirements do not name
	$(BIN)/python -m requirements.pins

texts: $(VENV)/.test ## take changed texts from the code into the catalogues of all languages, and compile these
	$(BIN)/python -m docs.texts

clean: ## delete what was installed, prepared and stored (run/ and models/ too)
	rm -rf $(VENV) $(PEERS) run models .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Whatsit needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

$(VENV)/.serve: requirements/serve.txt $(CONSTRAINTS) $(VENV)/bin/python
	@echo "Installing what the bot needs to run."
	$(PIP_INSTALL) -r requirements/serve.txt
	@touch $@

$(VENV)/.prepare: requirements.txt requirements/serve.txt $(CONSTRAINTS) $(VENV)/bin/python
	@echo "Installing what preparing a model needs. PyTorch is large: the first time takes a few minutes."
	$(PIP_INSTALL) -r requirements.txt
	@touch $@ $(VENV)/.serve

$(VENV)/.test: requirements/dev.txt requirements.txt requirements/serve.txt $(CONSTRAINTS) $(VENV)/bin/python
	$(PIP_INSTALL) -r requirements/dev.txt
	@touch $@ $(VENV)/.prepare $(VENV)/.serve

$(VENV)/.bench: requirements/bench.txt $(VENV)/.test
	$(PIP_INSTALL) -r requirements/bench.txt
	@touch $@

$(PEERS)/.installed: requirements/bench-peers.txt requirements/bench-peers-constraints.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --disable-pip-version-check $(PIP_FLAGS) -r requirements/bench-peers.txt
	@touch $@
