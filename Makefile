# make run   a first story, over two devices        make test    lint and every suite
# make bench speed of whole models (an hour)        make format  bring sources into shape
# make bench-kernels   speed of single kernels, against what the processor can do at most
# make test-arm        kernels for ARM, under an emulator
# Each does its own set-up on a fresh Debian machine that has Swift.

SWIFT ?= swift
RELEASE := -c release
TESTING := $(RELEASE) -Xswiftc -enable-testing
SOURCES := Package.swift Sources Tests Examples Benchmarks/Package.swift Benchmarks/Kernels
PACKAGES := libpcre2-dev libhwloc-dev pkg-config

.PHONY: run test test-arm bench bench-kernels build format lint setup oracle clean

# Two devices where there are two cores.
DEVICES := $(shell [ "$$(nproc 2>/dev/null || echo 1)" -gt 1 ] && echo cpu/2 || echo cpu)

run: build
	@.build/release/skein run -p "Once upon a time" -n 400 --devices $(DEVICES)

build: setup
	$(SWIFT) build $(RELEASE) --product skein

test: setup lint test-arm
	$(SWIFT) build $(TESTING) --build-tests
	$(SWIFT) build $(TESTING) --product skein
	$(SWIFT) test $(TESTING) --skip-build --disable-xctest

# Skipped, and said so, where the cross compiler or the emulator is missing.
test-arm:
	@$(MAKE) --no-print-directory -C Tests/CrossConformance check

# Whole models of random weights, 13 GB of them, against the limits of the machine: docs/performance.md. Making them needs
# Python with numpy and gguf. `make bench BENCH="--formats Q8_0 --rounds 3"` measures less.
BENCH ?=
bench: build .build/venv/done
	.build/venv/bin/python Benchmarks/bench.py $(BENCH)

.build/venv/done:
	python3 -m venv .build/venv
	.build/venv/bin/pip install --quiet numpy gguf
	touch $@

# A package of its own, with dependencies of its own; `make test` builds none of it.
bench-kernels:
	cd Benchmarks && $(SWIFT) package --disable-sandbox benchmark --grouping metric

format:
	$(SWIFT) format --in-place --recursive $(SOURCES)

lint:
	$(SWIFT) format lint --strict --recursive --parallel $(SOURCES)

# The C libraries, where the package manager is apt and they are missing.
setup:
	@pkg-config --exists libpcre2-8 hwloc 2>/dev/null || { \
	  command -v apt-get >/dev/null || { echo "install the development files of PCRE2 and hwloc" >&2; exit 1; }; \
	  sudo=""; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  $$sudo apt-get update -q && $$sudo apt-get install -y -q --no-install-recommends $(PACKAGES); }

clean:
	$(SWIFT) package clean
