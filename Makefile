# The two commands of a fresh machine are `make demo` and `make test`; everything else is for developers.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# A test of the broker mostly waits, so three workers keep two cores busy; each starts a broker of its own.
WORKERS := -n 3 --dist loadfile --no-loadscope-reorder
# Of `make fuzz`, for each target.
MINUTES ?= 5

.PHONY: demo test check bench chaos mutants fuzz lint format docs lock clean

demo: $(VENV)/.local
	$(BIN)/trackly demo $(DEMO_ARGS)

test: $(VENV)/.dev
	$(BIN)/python -m pytest tests $(WORKERS)

check: $(VENV)/.dev
	$(BIN)/python -m pytest tests $(WORKERS) -m "smoke or not (system or slow or broker)"

chaos: $(VENV)/.dev
	$(BIN)/python -m tests.chaos $(CHAOS_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev
	$(BIN)/python -m tests.docs --write

bench: $(VENV)/.dev .venv-bench/.done
	$(BIN)/python -m tests.bench

mutants: $(VENV)/.dev
	$(BIN)/python -m tests.mutants $(MUTANTS_ARGS)

# TARGETS="codec config" for some of them; every one by default.
fuzz: $(VENV)/.dev .venv-fuzz/.done
	.venv-fuzz/bin/python -m tests.fuzz $(TARGETS) --minutes $(MINUTES)

lock: $(VENV)/.dev
	$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install -q uv
	for extra in local dev; do \
	  $(VENV)/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --extra local $$([ $$extra = dev ] && echo --extra dev) pyproject.toml requirements/build.in -o requirements/$$extra.lock; done
	for other in bench fuzz; do \
	  $(VENV)/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    requirements/$$other.in -o requirements/$$other.lock; done

$(VENV)/.local: requirements/local.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 demo")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check -q --require-hashes -r requirements/local.lock
	$(BIN)/pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.local
	$(BIN)/pip install --disable-pip-version-check -q --require-hashes -r requirements/dev.lock
	@touch $@

.venv-bench/.done: requirements/bench.lock
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --disable-pip-version-check -q --require-hashes -r requirements/bench.lock
	@touch $@

# atheris alone; what is fuzzed, and all that it needs, is that of the other environment.
SITE := -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
.venv-fuzz/.done: requirements/fuzz.lock
	@test -x .venv-fuzz/bin/python || $(PYTHON) -m venv .venv-fuzz
	.venv-fuzz/bin/pip install --disable-pip-version-check -q --require-hashes -r requirements/fuzz.lock
	@$(BIN)/python $(SITE) > $$(.venv-fuzz/bin/python $(SITE))/trackly.pth
	@touch $@

clean:
	rm -rf $(VENV) .venv-bench .venv-fuzz .fuzz .mypy_cache .ruff_cache .trackly
