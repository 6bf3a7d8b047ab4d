# `make` lists the targets. Works with GNU make 3.81 (macOS) and newer.

UV     := sh .ci/uv.sh
PYTHON := .venv/bin/python
# Changed dependencies make it older than them; deleting .venv deletes it too.
SYNCED := .venv/.synced

# The commands below look for the environment here, wherever the user's own uv settings put it.
export UV_PROJECT_ENVIRONMENT := .venv

# Two targets at once would run two package managers at once, and neither can wait for the other.
.NOTPARALLEL:
.PHONY: help setup driver tools demo test soak bench bench-scale check format build clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## Load the NYC 2013 flights into a sandbox server and run the flow over them
	$(PYTHON) -m flows.nyc_flights $(ARGS)

test: setup tools ## Run the tests; ARGS="-k plan" goes to pytest
	$(PYTHON) -m pytest -n auto --dist worksteal $(ARGS)

soak: setup tools ## 1,200 faults in running jobs, 10,000 names, passwords and inputs, 100,000 messages; ARGS="--count 50"
	$(PYTHON) -m tests.soak faults --report tests/soak-report.json $(ARGS)
	$(PYTHON) -m tests.soak names $(ARGS)
	$(PYTHON) -m tests.soak passwords $(ARGS)
	$(PYTHON) -m tests.soak sweep $(ARGS)
	$(PYTHON) -m tests.soak messages $(ARGS)

bench: setup tools ## Measure speed, side by side; ARGS="--quick" or "--data all --plot bench.png"
	$(UV) sync --locked --group bench
	$(PYTHON) -m tests.benchmarks $(ARGS)

bench-scale: setup ## Copy 1 and 10 million rows: the same speed, the same memory
	$(PYTHON) -m tests.benchmarks.scale $(ARGS)

check: $(SYNCED) ## Lint, formatting and strict types
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy

format: $(SYNCED) ## Format the code and repair what ruff can
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

build: ## Build the wheel and the source distribution into dist/
	$(UV) build

setup: driver $(SYNCED) ## Install what is missing: uv, .venv, unixODBC and the FreeTDS driver

driver: ## Install and register the FreeTDS driver only
	@sh odbc/install.sh

tools: ## Install FreeTDS's own programs (tsql, freebcp) too, which the tests drive
	@sh odbc/install.sh --tools

clean: ## Delete .venv, caches and built files
	rm -rf .venv .cache dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(SYNCED): pyproject.toml uv.lock
	$(UV) sync --locked
	@touch $@
