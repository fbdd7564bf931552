# The goals a person or a CI job calls. Every goal first installs what it needs and the machine lacks, from Debian 12's own packages;
# the lists stand here and nowhere else. What is built lies under build/<preset>/.

BUILD_PACKAGES = g++ cmake ninja-build python3 libfmt-dev libcli11-dev nlohmann-json3-dev libtomlplusplus-dev libhwy-dev zlib1g-dev \
                 libprotobuf-dev protobuf-compiler libdnnl-dev libpng-dev libjpeg62-turbo-dev
DEMO_PACKAGES  = $(BUILD_PACKAGES) python3-numpy
TEST_PACKAGES  = $(BUILD_PACKAGES) libgtest-dev python3-numpy
CLANG_PACKAGES = $(TEST_PACKAGES) clang-19 libclang-rt-19-dev llvm-19
LINT_PACKAGES  = $(CLANG_PACKAGES) clang-tidy-19 clang-format-19
CONFORMANCE_PACKAGES = $(BUILD_PACKAGES) python3-venv python3-torch python3-torchvision

JOBS   ?= $(shell nproc)
PREFIX ?= /usr/local
# Seconds that `make fuzz` gives each target.
FUZZ_SECONDS ?= 60
# Random instances of MIL operations that `make conformance` compares, and what they are drawn from.
CONFORMANCE_COUNT ?= 4000
CONFORMANCE_SEED  ?= 1

# Tests that read real programs find them here; without the folder they skip and say so.
ifneq ($(wildcard ../shared/corpus),)
  export OPENANE_CORPUS ?= $(abspath ../shared/corpus)
endif

SOURCES = $(shell git ls-files '*.cpp' '*.h')
NEED    = tools/install_packages.sh
CMAKE   = cmake -Wno-dev
# Run as `make X -j8` or not, the build uses JOBS.
MAKEFLAGS += --no-print-directory

.PHONY: build demo test asan format check-format lint tidy fuzz bench install check-docs check-install packages clean help \
        conformance conformance-slice conformance-speed conformance-environment
.DEFAULT_GOAL := build

# The library and the tool. A tree configured without tests by this goal stays without them until `make test` asks for them.
build:
	@$(NEED) $(BUILD_PACKAGES)
	@mkdir -p build
	@$(CMAKE) --preset release $(if $(wildcard build/release/CMakeCache.txt),,-DOPENANE_BUILD_TESTS=OFF) >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset release -j $(JOBS) --target ane

demo:
	@$(NEED) $(DEMO_PACKAGES)
	@$(MAKE) build
	@tools/demo.sh build/release/src/cli/ane

test:
	@$(NEED) $(TEST_PACKAGES)
	$(CMAKE) --preset release -DOPENANE_BUILD_TESTS=ON
	cmake --build --preset release -j $(JOBS)
	ctest --preset release -j $(JOBS)

# The same tests under the address and undefined-behaviour sanitizers.
asan:
	@$(NEED) $(CLANG_PACKAGES)
	$(CMAKE) --preset asan-ubsan
	cmake --build --preset asan-ubsan -j $(JOBS)
	ctest --preset asan-ubsan -j $(JOBS)

format:
	@$(NEED) $(LINT_PACKAGES)
	clang-format-19 -i $(SOURCES)

check-format:
	@$(NEED) $(LINT_PACKAGES)
	clang-format-19 --dry-run -Werror $(SOURCES)

lint: check-format
	tools/check_rooms.py
	tools/check_headers.sh -j $(JOBS)
	$(MAKE) tidy

tidy:
	@$(NEED) $(LINT_PACKAGES)
	tools/run_tidy.sh $(TIDY_MODE) $(JOBS)

fuzz:
	@$(NEED) $(CLANG_PACKAGES)
	$(CMAKE) --preset asan-ubsan
	cmake --build --preset asan-ubsan -j $(JOBS) --target fuzzers
	tools/run_fuzzers.sh build/asan-ubsan/fuzz $(FUZZ_SECONDS) $(JOBS)

bench:
	@$(NEED) $(BUILD_PACKAGES)
	$(CMAKE) --preset bench
	cmake --build --preset bench -j $(JOBS)
	@for program in build/bench/bench/bench_*; do [ -x $$program ] && [ -f $$program ] && { echo "== $$program"; $$program || exit 1; }; done

# Every operation against PyTorch and NumPy, then whole nets against PyTorch.
CONFORMANCE = build/conformance/venv/bin/python tools/conformance
conformance: conformance-environment build
	@$(CONFORMANCE)/conformance.py --tool build/release/src/cli/ane --count $(CONFORMANCE_COUNT) --seed $(CONFORMANCE_SEED)
	@$(CONFORMANCE)/nets.py --tool build/release/src/cli/ane

# A fixed part of it, for every change.
conformance-slice: conformance-environment build
	@$(CONFORMANCE)/conformance.py --tool build/release/src/cli/ane --count 2000 --seed 1

# The reference executor beside ONNX Runtime.
conformance-speed: conformance-environment
	@$(NEED) $(BUILD_PACKAGES)
	$(CMAKE) --preset bench
	cmake --build --preset bench -j $(JOBS) --target bench_reference
	@$(CONFORMANCE)/speed.py --bench build/bench/bench/bench_reference

# Debian's PyTorch, and beside it the pinned packages in an environment of their own.
conformance-environment:
	@$(NEED) $(CONFORMANCE_PACKAGES)
	@$(MAKE) build/conformance/installed
build/conformance/installed: tools/conformance/requirements.txt
	@rm -rf build/conformance/venv && mkdir -p build/conformance
	/usr/bin/python3 -m venv --system-site-packages build/conformance/venv
	build/conformance/venv/bin/pip install --quiet --no-deps --requirement tools/conformance/requirements.txt
	@touch $@

install: build
	cmake --install build/release --prefix $(PREFIX)

# Runs every command that README.md and docs/ show and compares what it prints.
check-docs: build
	tools/check_docs.py --tool build/release/src/cli/ane

# Installs into an empty folder and builds examples/ against that, as a project of its own.
check-install: build
	tools/check_install.sh build/release

# Everything that .ci/run needs, at once.
packages:
	@$(NEED) $(LINT_PACKAGES)

clean:
	rm -rf build

help:
	@echo "goals: build demo test asan format check-format lint tidy fuzz bench install check-docs check-install conformance conformance-slice conformance-speed clean"
