# Everything that a newcomer or CI runs. Each target does its own set-up; needs Python >= 3.11, a Rust toolchain and make.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUST   := Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml)

.PHONY: demo test lint bench docs fuzz load mutants clean servers

demo: $(VENV)/built  ## Replay a crash with and without a gate; in a terminal the dashboard then shows it live (DEMO=--no-serve: not)
	$(BIN)/gxrisk demo $(DEMO)

test: $(VENV)/built-test servers  ## Every test: Rust, Python, docs
	cargo test --locked -p gxrisk-core -p gxrisk-gate
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -p no:benchmark --durations 20

# The tests start PostgreSQL, Redis, Chromium and Prometheus themselves, from Debian's programs. Where this may not install them, those
# tests skip. Prometheus is only unpacked beside the tests' Python: its package would start a service that the network reaches.
servers:
	@{ ls /usr/lib/postgresql/*/bin/initdb || command -v initdb; } >/dev/null 2>&1 && command -v redis-server >/dev/null && command -v chromium >/dev/null && \
		command -v systemd-analyze >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql redis-server chromium systemd >/dev/null; } || \
		echo "PostgreSQL, Redis, Chromium or systemd is not installed: their tests will be skipped (apt-get install postgresql redis-server chromium systemd)" >&2
	@{ command -v promtool && command -v prometheus; } >/dev/null || [ -x $(BIN)/promtool ] || \
		{ folder=$$(mktemp -d) && mkdir -p $(BIN) && \
		( cd "$$folder" && { apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; } && \
		dpkg-deb -x prometheus_*.deb . ) 2>/dev/null && \
		cp "$$folder/usr/bin/prometheus" "$$folder/usr/bin/promtool" $(BIN)/; ended=$$?; rm -rf "$$folder"; exit $$ended; } || \
		echo "Prometheus is not installed: its tests will be skipped (put prometheus and promtool on the PATH)" >&2

lint: $(VENV)/built-test  ## Formatting, lints, types, stubs
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest gxrisk._native

bench: $(VENV)/built-test  ## The tables of docs/performance.md
	cargo bench --locked -p gxrisk-gate --bench gate --bench journal
	$(BIN)/python -m benches.ratios

docs: $(VENV)/built-test  ## Write the generated pages anew, and build the site into site/
	$(BIN)/python -m docs.generate
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

fuzz: $(VENV)/built-test  ## The long runs: a million orders against the model, property tests with many cases, 10,000 kills, power losses, 10,000 requests an operation
	PROPTEST_CASES=20000 cargo test --locked --release -p gxrisk-core
	GXRISK_KILLS=10000 cargo test --locked -p gxrisk-gate --test crash -- --nocapture
	GXRISK_FUZZ=20 cargo test --locked -p gxrisk-gate --test power_loss --test journal -- --nocapture
	$(BIN)/python -m tests.differential --orders 1000000 --jobs 2
	$(BIN)/python -m tests.api.contract --examples 10000 --jobs 2

load: $(VENV)/built-test  ## 200 agents for ten minutes against one server, which is killed in the middle
	$(BIN)/python -m tests.load

mutants: $(VENV)/built-test  ## Plant bugs in a copy of the tree, one by one: each must be caught by the test that is named for it
	$(BIN)/python -m tests.mutants --jobs 2

clean:  ## Remove what the other targets made
	rm -rf $(VENV) target

$(VENV)/made:
	@command -v cargo >/dev/null || { echo "cargo is not on the PATH: install a Rust toolchain (rustup.rs)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than 3.11: set PYTHON to a newer one (make PYTHON=python3.12 ...)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip 'maturin>=1.16,<2'
	@touch $@

# `maturin develop` keeps the Python files editable and builds the same release code as a wheel.
$(VENV)/built: $(VENV)/made pyproject.toml $(RUST)
	$(BIN)/maturin develop --release --locked --quiet --extras dashboard
	@touch $@

$(VENV)/built-test: $(VENV)/made pyproject.toml $(RUST)
	$(BIN)/maturin develop --release --locked --quiet --extras test,lint
	@touch $@ $(VENV)/built
