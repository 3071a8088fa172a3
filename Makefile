# Two commands do all the set-up: `make demo` and `make test`. Everything happens in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOURNEYS := $(basename $(notdir $(wildcard conf/journey/*.yaml)))

.PHONY: demo test check bench soak docs clean

demo: $(STAMP)  ## train, export and serve in two minutes
	$(BIN)/handrail demo

test: $(STAMP) check  ## everything that CI runs
	$(BIN)/pytest -q -n auto --dist loadgroup

check: $(STAMP)  ## style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)  ## the figures of docs/benchmarks.md
	$(BIN)/python -m benchmarks --json runs/bench.json

soak: $(STAMP)  ## ten minutes at half load: flat memory, no errors
	$(BIN)/python -m benchmarks.soak

docs: $(STAMP)  ## the page and the pictures that are made from the code
	$(BIN)/python -m journeys.documentation docs/observation.md
	for name in $(JOURNEYS); do $(BIN)/handrail journey show $$name --out docs/pictures/journey-$$name.png || exit 1; done

# torch comes first and pinned: asked for as a range it would bring gigabytes of GPU libraries.
$(STAMP): pyproject.toml
	@echo "Setting up $(VENV): the first time takes a few minutes, most of it torch."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -qq torch==2.13.0
	$(BIN)/pip install -qq --editable ".[dev]"
	@touch $(STAMP)

clean:  ## remove what was made here; runs/ stays
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
