# licensewatch: `make run` polls and alerts, `make test` proves it, `make demo` shows it. Needs Python >= 3.11 and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# More workers than cores: daemons, browsers and databases under test wait much.
PYTEST_WORKERS ?= 4

.DEFAULT_GOAL := help
.PHONY: help run demo setup test lint bench eval soak wheel locks schemas audit sbom install install-all uninstall clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

run: setup ## watch the feeds of config/ and alert (Ctrl-C stops it)
	@$(BIN)/licensewatch --config config run

demo: setup ## one made-up story through the whole pipeline, offline, in under a minute
	@$(BIN)/licensewatch demo

setup: $(VENV)/.run ## make .venv with the locked run-time dependencies
	@$(BIN)/python -m compileall -q monitor  # a start need not do it, nor one that may not write here

define can-make-venv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "licensewatch needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version 2>&1`. Try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "$(PYTHON) has no venv module. On Debian or Ubuntu: sudo apt install python3-venv. On Fedora it is part of python3." >&2; exit 1; }
endef

$(VENV)/bin/python:
	$(can-make-venv)
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

# --no-deps: a lock is whole, and pip left to resolve takes a newer release for `name[extra]`, which has no hash here.
# -qq: setuptools warns of what nobody who runs this can mend; failures are told all the same.
$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing the locked dependencies (once, about a minute) ..."
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip --disable-pip-version-check install -qq --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "Installing the locked development tools (once) ..."
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

test: $(VENV)/.dev ## the whole test suite, on SQLite and on a real PostgreSQL
	@$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal

lint: $(VENV)/.dev ## style, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.dev ## how fast the parts are, as ratios against a floor in the same run
	@for file in bench/[a-z]*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

EVAL ?= ../shared/corpus/licensing.jsonl
eval: setup ## precision and recall of the rules on labelled stories (EVAL=file.jsonl)
	@$(BIN)/licensewatch --config config rules eval $(EVAL)

soak: $(VENV)/.dev ## the long proofs, whole
	@LICENSEWATCH_SOAK=1 $(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal --timeout 3600

WHEELS ?= dist
wheel: setup ## dist/licensewatch-*.whl, for `pipx install` on machines without this checkout (WHEELS=directory)
	@$(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation --wheel-dir $(WHEELS) .
	@ls $(WHEELS)/licensewatch-*.whl

locks: | $(VENV)/bin/python ## resolve both locks anew (needs pip-tools)
	@$(BIN)/python -m piptools compile --quiet --strip-extras --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --build-deps-for editable --output-file requirements.lock pyproject.toml
	@$(BIN)/python -m piptools compile --quiet --strip-extras --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --build-deps-for editable --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

schemas: setup ## write config/schema/*.json and migrations/sqlite.sql from the program
	@$(BIN)/python -m monitor.settings config/schema
	@$(BIN)/python -m monitor.store.snapshot migrations/sqlite.sql

audit: $(VENV)/.dev ## known vulnerabilities of what is locked (asks an advisory service)
	@$(BIN)/python packaging/audit.py requirements.lock requirements-dev.lock

SBOM ?= build/sbom.json
sbom: $(VENV)/.dev ## the bill of materials of what runs, as CycloneDX JSON (SBOM=file.json)
	@mkdir -p $(dir $(SBOM))
	@$(BIN)/python -W ignore -m cyclonedx_py requirements requirements.lock --pyproject pyproject.toml --output-reproducible --of JSON -o $(SBOM)
	@echo "$(SBOM): what requirements.lock installs, with hashes."

# A system install. Packagers set DESTDIR and, where they keep things elsewhere, UNITDIR, SYSUSERSDIR,
# TMPFILESDIR and BINDIR, where people find the command.
PREFIX ?= /opt/licensewatch
CONFDIR ?= /etc/licensewatch
UNITDIR ?= /etc/systemd/system
SYSUSERSDIR ?= /etc/sysusers.d
TMPFILESDIR ?= /etc/tmpfiles.d
BINDIR ?= /usr/local/bin
DESTDIR ?=
# What the units hide from the service.
HIDDEN ?= /home /root /run/user
PACKAGE ?= .
HOME_DIR := $(DESTDIR)$(PREFIX)
PROGRAM := $(PREFIX)/bin/licensewatch
COMMAND := $(DESTDIR)$(BINDIR)/licensewatch
# The mark stands before anything else does, so that an install that failed half-way is known as ours, too.
IS_OURS = { [ -f $(HOME_DIR)/.licensewatch ] || { [ -f $(HOME_DIR)/pyvenv.cfg ] && [ -f $(HOME_DIR)/bin/licensewatch ]; }; }
IS_OUR_LINK = [ "`readlink $(COMMAND)`" = $(PROGRAM) ]
INSTALL_DEPENDENCIES ?= $(HOME_DIR)/bin/python -m pip --disable-pip-version-check install -qq --no-deps --require-hashes -r requirements.lock

install: ## install as a system service (PREFIX=/opt/licensewatch CONFDIR=/etc/licensewatch DESTDIR=)
	@umask 022; mkdir -p $(HOME_DIR) 2>/dev/null && test -w $(HOME_DIR) || { echo "$(HOME_DIR) cannot be written: sudo make install, or PREFIX=... elsewhere" >&2; exit 1; }
	$(can-make-venv)
	@$(PYTHON) packaging/seen_by_unit.py $(HIDDEN)
	@case "$(PREFIX)/" in $(foreach one,$(HIDDEN),$(one)/*|) /dev/null/*) echo "The unit hides $(PREFIX) from the service (ProtectHome=yes): name another place, PREFIX=/opt/licensewatch" >&2; exit 1;; esac
	@$(IS_OURS) || [ -z "`ls -A $(HOME_DIR)`" ] || { echo "$(HOME_DIR) holds something else: name a directory of its own, PREFIX=..." >&2; exit 1; }
	@umask 022 && touch $(HOME_DIR)/.licensewatch && $(MAKE) --no-print-directory install-all  # the account of the service reads what root installs
	@$(if $(DESTDIR),true,if [ -d /run/systemd/system ]; then systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload; fi)
	@echo "Installed. Next: put the Slack token into $(CONFDIR)/credentials/slack_bot_token (mode 600), name the channel in"
	@echo "$(CONFDIR)/monitor.yaml, then: systemctl enable --now licensewatch"
	@if $(IS_OUR_LINK); then echo "The command is $(BINDIR)/licensewatch, a link to $(PROGRAM)."; \
	  else echo "The command is $(PROGRAM): $(BINDIR)/licensewatch is another's, or may not be made."; fi
	@echo "Run it as the account of the service: sudo -u licensewatch licensewatch status"

install-all:
	@echo "Installing the program into $(HOME_DIR) ..."
	@$(PYTHON) -m venv $(HOME_DIR)
	@$(INSTALL_DEPENDENCIES)
	@$(HOME_DIR)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --force-reinstall $(PACKAGE)
	@$(if $(DESTDIR),sed -i '1s|^#!$(HOME_DIR)|#!$(PREFIX)|' $(HOME_DIR)/bin/licensewatch)
	@[ -e $(COMMAND) ] || [ -L $(COMMAND) ] || { mkdir -p $(DESTDIR)$(BINDIR) && ln -s $(PROGRAM) $(COMMAND); } 2>/dev/null || true
	@$(PYTHON) packaging/config_files.py $(HOME_DIR)/bin/python $(HOME_DIR)/bin/licensewatch $(DESTDIR)$(CONFDIR)
	@mkdir -p $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSUSERSDIR) $(DESTDIR)$(TMPFILESDIR)
	@for unit in systemd/*.service; do sed -e 's|/opt/licensewatch|$(PREFIX)|g' -e 's|/etc/licensewatch|$(CONFDIR)|g' $$unit > $(DESTDIR)$(UNITDIR)/$$(basename $$unit) || exit 1; done
	@cp systemd/licensewatch.sysusers $(DESTDIR)$(SYSUSERSDIR)/licensewatch.conf
	@sed 's|/etc/licensewatch|$(CONFDIR)|g' systemd/licensewatch.tmpfiles > $(DESTDIR)$(TMPFILESDIR)/licensewatch.conf

uninstall: ## remove what `make install` put there; configuration and data stay
	@$(if $(DESTDIR),true,if [ -d /run/systemd/system ]; then \
	  systemctl stop licensewatch 'licensewatch-worker@*'; systemctl disable licensewatch licensewatch-worker@.service 2>/dev/null || true; fi)
	@for unit in systemd/*.service; do rm -f $(DESTDIR)$(UNITDIR)/$$(basename $$unit); done
	@rm -f $(DESTDIR)$(SYSUSERSDIR)/licensewatch.conf $(DESTDIR)$(TMPFILESDIR)/licensewatch.conf
	@if $(IS_OUR_LINK); then rm -f $(COMMAND); fi
	@if $(IS_OURS); then rm -rf $(HOME_DIR); else echo "$(HOME_DIR) holds no installation of ours; left as it is."; fi
	@$(if $(DESTDIR),true,if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi)
	@echo "Removed. Kept: the configuration in $(CONFDIR), the database in /var/lib/licensewatch, the account licensewatch."

clean: ## remove .venv and caches; never data
	@rm -rf $(VENV) build .mypy_cache .ruff_cache *.egg-info
