# The chat's commands. `make help` lists them.

PYTHON ?= python3
PORT ?= 3000
VENV := .venv
BIN := $(VENV)/bin
JAVASCRIPT := .config/javascript

# A port given on the command line is also the browser's address, unless that is set too.
ifneq ($(PORT),3000)
export CHAT_PUBLIC_URL ?= http://localhost:$(PORT)
endif

.DEFAULT_GOAL := help

##@ Use
.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nSettings come from the environment or .env (see .env.example); PORT=%s, PYTHON=%s.\n' \
		'$(PORT)' '$(PYTHON)'

.PHONY: install
install: $(VENV)/.installed ## Install everything the chat needs into .venv

.PHONY: run
run: install ## Build what changed and start the chat (embedded database unless CHAT_* says otherwise)
	@echo "The chat will answer at $${CHAT_PUBLIC_URL:-http://localhost:$(PORT)}  (Ctrl-C stops it)"
	@grep -qs '^CHAT_LOCAL_NETWORK=' .env || export CHAT_LOCAL_NETWORK="$${CHAT_LOCAL_NETWORK:-on}"; \
		exec $(BIN)/reflex run --env prod --backend-port $(PORT) --frontend-port $(PORT)

.PHONY: demo
demo: install ## Fill an empty database with people and conversations, and print their sign-ins
	@$(BIN)/python -m chat_app.demo

.PHONY: migrate
migrate: install ## Bring the database of CHAT_DATABASE_URL up to date
	@$(BIN)/python -m chat_app migrate

.PHONY: build
build: install ## Build the front end, for `python -m chat_app.serve` to serve without Node
	$(BIN)/reflex export --frontend-only --no-zip

.PHONY: export
export: install ## Write frontend.zip and backend.zip
	$(BIN)/reflex export

##@ Develop
.PHONY: dev
dev: install ## Start with hot reload on http://localhost:3000
	@exec $(BIN)/reflex run

.PHONY: install-dev
install-dev: $(VENV)/.installed-dev ## Install what tests and checks need

# The tests start many programs: compiled files are kept, whatever the environment says.
test test-nodes: export PYTHONDONTWRITEBYTECODE =

# Three at once keep two cores busy, for many tests wait. Each starts servers of its own: more would
# cost more.
.PHONY: test
test: install-dev $(JAVASCRIPT)/node_modules/.installed ## Run every test, on both databases (ARGS="-k name" narrows)
	$(BIN)/python tests/install_servers.py
	$(BIN)/pytest -n 3 --dist=loadgroup $(ARGS)

# One test at a time, and one after the other: these fill the machine by themselves.
.PHONY: test-all
test-all: test ## The same, then trust at full size, other browsers, chaos and everything behind nginx (two hours)
	TRUST_KILLS=100 TRUST_RATE=500 TRUST_AWAY_S=30 TRUST_STOPPED_S=60 TRUST_READERS=979 TRUST_DAYS=50 \
		TRUST_OPENINGS=10000 $(BIN)/pytest -m "" tests/trust
	TRUST_NODES=3 $(BIN)/pytest -m "" tests/behind_nginx
	$(BIN)/python -m simulation --first 500 --seeds 21500
	$(BIN)/python tests/install_servers.py --engines
	$(BIN)/pytest -m only_in_test_all tests/api tests/browser tests/chaos tests/engines tests/node tests/socket
	$(BIN)/python -m chaos --browsers --seconds 10m
	$(BIN)/python -m chaos --all --nginx
	$(BIN)/python -m chaos --all --nginx --pair postgres --nodes 3
	$(BIN)/pytest --behind-nginx -m only_in_test_all tests/socket
	$(MAKE) test-nodes ARGS=

.PHONY: test-nodes
test-nodes: install-dev ## Run the tests of the doors on three nodes behind nginx (ARGS="tests/socket" narrows)
	$(BIN)/python tests/install_servers.py
	$(BIN)/pytest --behind-nginx -n auto --maxprocesses=2 --dist=loadgroup $(or $(ARGS),tests/api tests/socket tests/browser)

.PHONY: lint
lint: install-dev $(JAVASCRIPT)/node_modules/.installed ## Check style, formatting and types of Python and JavaScript
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/node $(JAVASCRIPT)/node_modules/eslint/bin/eslint.js --config $(JAVASCRIPT)/eslint.config.js --max-warnings 0 assets chat_app tests
	$(BIN)/node $(JAVASCRIPT)/node_modules/typescript/bin/tsc --project $(JAVASCRIPT)
	$(BIN)/node $(JAVASCRIPT)/node_modules/typescript/bin/tsc --project $(JAVASCRIPT)/tsconfig.tests.json

.PHONY: bench
bench: install-dev ## Measure everything that has a target, in about 25 minutes (ARGS="direct --pair postgres")
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: figures
figures: install-dev ## Measure it all on a quiet machine and write it into the documents
	-$(BIN)/python -m benchmarks --record docs/figures/results.jsonl
	$(BIN)/python -m benchmarks plot
	$(BIN)/python -m benchmarks tables

.PHONY: chaos
chaos: install-dev ## Break everything for a minute and see that nothing is lost (ARGS="--all")
	$(BIN)/python -m chaos $(ARGS)

.PHONY: simulate
simulate: install-dev ## Simulate delivery under faults, on a virtual clock (ARGS="--seeds 100000")
	$(BIN)/python -m simulation $(ARGS)

.PHONY: screens
screens: install-dev ## Write a screenshot of every screen into ./screens, or FOLDER=…
	$(BIN)/python tests/install_servers.py
	$(BIN)/python -m tests.harness.screens $(or $(FOLDER),screens)

.PHONY: clean
clean: ## Remove the build, the JavaScript tools and all caches (keeps .venv and data)
	rm -rf .web .states $(JAVASCRIPT)/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis frontend.zip backend.zip
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# The stamps make a repeated install instant.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "The chat needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements-otel.txt requirements-media.txt $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-dev.txt
	@touch $@

# npm empties the folder first, so a failed install leaves no stamp.
$(JAVASCRIPT)/node_modules/.installed: $(JAVASCRIPT)/package.json $(JAVASCRIPT)/package-lock.json | $(VENV)/.installed
	$(BIN)/npm ci --prefix $(JAVASCRIPT)
	@touch $@
