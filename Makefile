# make demo   trains, evaluates, exports, publishes and loads an encoder: six minutes on two cores
# make test   checks style, runs the tests
# Both set everything up themselves, in .venv. Another Python: make demo PYTHON=/path/to/python3.11

PYTHON ?=
BIN := .venv/bin
# What has to hold on Keras' JAX backend too. tests/engine/test_jax.py stands for the methods: five steps
# of every one, held against TensorFlow's. All of tests/methods runs there in `make test-jax`.
METHODS_ON_JAX := $(patsubst %,tests/methods/test_%.py,base center_tracker divergence inputs other_data)
RESUMED := tests/runs/test_resume.py::test_interrupted_twice_is_not_interrupted
ON_JAX := $(wildcard tests/engine/test_jax*.py) tests/engine/test_keras_internals.py tests/test_heads.py \
	tests/test_numerics.py $(METHODS_ON_JAX) $(RESUMED)
# A process per core, a file of tests to each: tracing, which most tests wait for, uses one core.
PYTEST := $(BIN)/python -m pytest -n logical --dist loadfile
# Tests compile much and compute little: XLA need not optimize, nor compile the same thing twice.
JAX := KERAS_BACKEND=jax JAX_COMPILATION_CACHE_DIR=$(CURDIR)/build/jax \
	JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0.1 \
	XLA_FLAGS="--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
# What computes floats, and two processors that this one can be made to resemble. NumPy has the groups
# of instructions under these names since 2.4, and says nothing of those that it does not know.
NUMERIC := tests/geometry tests/test_heads.py tests/test_numerics.py tests/losses tests/methods \
	tests/diagnosis tests/optimizers tests/encoders
OLD_CPU := ONEDNN_MAX_CPU_ISA=SSE41 OPENBLAS_CORETYPE=Nehalem NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4" \
	XLA_FLAGS=--xla_cpu_max_isa=SSE4_2
NO_ONEDNN := TF_ENABLE_ONEDNN_OPTS=0 OPENBLAS_CORETYPE=Sandybridge XLA_FLAGS=--xla_cpu_max_isa=AVX

.PHONY: setup demo test test-jax test-slow test-isa canaries lint types architecture attacks gallery experiments experiments-quick label-free whitening precision benchmark benchmark-quick benchmark-cost time-to-accuracy zoo site docs clean

setup: .venv/.installed

.venv/.installed: setup.cfg pyproject.toml .ci/setup
	@PYTHON="$(PYTHON)" .ci/setup

demo: .venv/.installed
	@.ci/dataset
	@$(BIN)/python training/demo.py

test: .venv/.installed lint
	@.ci/dataset
	@.ci/runtimes
	$(OLD_CPU) $(BIN)/python -m pytest tests/methods/test_center_tracker.py
	PLAIN_GRAPHS=1 $(PYTEST) -m "not slow" --durations=15
	$(JAX) $(PYTEST) -m "not slow" $(ON_JAX)

# All of them on JAX, which compiles every small test anew.
test-jax: .venv/.installed
	$(JAX) $(PYTEST) -m "not slow" $(ON_JAX) tests/methods tests/losses

test-slow: .venv/.installed
	@.ci/dataset
	@.ci/runtimes --slow
	$(PYTEST) -m slow

# The numeric tests as another processor computes: without AVX2, and without oneDNN. Without AVX-512
# oneDNN has no convolution in bfloat16, which is TensorFlow's own error there.
test-isa: .venv/.installed
	$(OLD_CPU) $(PYTEST) -m "not slow" -k "not half_precision and not mixed_precision" $(NUMERIC)
	$(NO_ONEDNN) $(PYTEST) -m "not slow" $(NUMERIC)

# Whether the newest Keras and TensorFlow still have the private names that the library touches.
canaries: .venv/.installed
	@.ci/canaries

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The public surface, by pyright: a program for Node, which pip's package fetches when first used.
types: .venv/.installed
	@if ! command -v node >/dev/null; then \
		echo "Types: not checked, because pyright needs Node and there is none."; \
	elif ! $(BIN)/pyright --version >/dev/null 2>&1; then \
		echo "Types: not checked, because pyright could not be fetched."; \
	else $(BIN)/pyright --pythonpath $(BIN)/python; fi

# The picture in docs/architecture.md, from the imports. Fails on a circle.
architecture: .venv/.installed
	@$(BIN)/python docs/draw_architecture.py

# Ten minutes of odd files, arrays, servers and kills; MINUTES=3 SEED=7 for others.
MINUTES ?= 10
SEED ?= 0
attacks: .venv/.installed
	@$(BIN)/python training/attacks/attack.py --minutes $(MINUTES) --seed $(SEED)

# Every configuration that should collapse and every healthy one: about an hour on two cores the
# first time; what results.csv holds is not trained again.
gallery: .venv/.installed
	@.ci/dataset
	@$(BIN)/python training/experiments/gallery/gallery.py

# How figures without labels rank the gallery's encoders: half an hour on two cores the first time.
label-free: .venv/.installed
	@.ci/dataset
	@$(BIN)/python training/experiments/label_free/rank.py

# Whitening measured on a run that held images out: make whitening RUN=runs/held-out
whitening: .venv/.installed
	@$(BIN)/python training/experiments/whitening/whitening.py $(RUN)

# The quickstart trained in float32 and in bfloat16: half an hour on two cores with AMX, the first time.
precision: .venv/.installed
	@.ci/dataset
	@$(BIN)/python training/experiments/precision/precision.py

# The paper's hypotheses, one folder each in training/experiments: some two hours on one quiet core the
# first time. Can be stopped at any time; what the results hold is not measured again. ONLY="T1 H7" for some.
ONLY ?=
experiments: .venv/.installed
	@$(BIN)/python training/experiments/run.py $(ONLY)

# Small versions, whose results are not kept: that everything runs, and what has to hold in any size.
experiments-quick: .venv/.installed
	@$(BIN)/python training/experiments/run.py --quick $(ONLY)

# This library and its peers in turn, with the table in README.md: forty minutes on two quiet cores, or
# five minutes for the quick one. Makes .venv-torch and .venv-keras-cv first.
benchmark: .venv/.installed
	@$(BIN)/python training/benchmarks/benchmark.py --readme README.md

benchmark-quick: .venv/.installed
	@$(BIN)/python training/benchmarks/benchmark.py --quick --results build/benchmarks

# How cost grows with batch, dimension and replicas.
benchmark-cost: .venv/.installed
	@$(BIN)/python training/benchmarks/cost.py

# How accurate an encoder is after 1, 2, 4 and 8 minutes of training on two cores, here and in PyTorch:
# an hour. Finished trainings are kept. BUDGETS=1,2 SEEDS=3 for others.
BUDGETS ?= 1,2,4,8
SEEDS ?= 1
time-to-accuracy: .venv/.installed
	@.ci/dataset
	@$(BIN)/python training/benchmarks/time_to_accuracy.py --minutes $(BUDGETS) --seeds $(SEEDS)

# The encoders of zoo/, trained and published from their recipes: half an hour on two cores.
zoo: .venv/.installed
	@.ci/dataset
	@$(BIN)/python training/zoo.py

# The pages of zoo/, into build/site. They run the encoders where npm can fetch ONNX Runtime for browsers.
site: .venv/.installed
	@if [ ! -d build/npm/node_modules/onnxruntime-web ] && command -v npm >/dev/null; then \
		mkdir -p build/npm && npm install --silent --no-audit --no-fund --prefix build/npm onnxruntime-web || true; fi
	@$(BIN)/center-ssl zoo site --out build/site --zoo zoo \
		$$([ ! -d build/npm/node_modules/onnxruntime-web ] || echo --onnxruntime-web build/npm)

# The documentation as a site, in build/docs-site; any warning is an error. With --quiet, MkDocs drops the
# warnings before --strict counts them. It has an environment of its
# own, and where that cannot be made, says so and goes on.
docs:
	@if .ci/docs-environment; then \
		NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict && echo "build/docs-site/index.html"; \
	else echo "Docs: not built, because MkDocs could not be installed."; fi

clean:
	rm -rf .venv .venv-newest .venv-torch .venv-runtimes .venv-beam .venv-keras-cv .venv-docs runs build dist *.egg-info
