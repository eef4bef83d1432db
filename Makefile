SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Compiling, linking and Debian's installer leave each other room.
MAKEFLAGS += --jobs=3

DESTDIR :=
PREFIX  := /usr

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# Neither gpgme nor btrfs nor devicemapper headers are needed; libostree is the one C library.
TAGS    := containers_image_openpgp,exclude_graphdriver_btrfs,exclude_graphdriver_devicemapper
# The same flags for every step, so that nothing is compiled twice.
export GOFLAGS := -trimpath -buildvcs=false -tags=$(TAGS)
PURE    := ./config/... ./templates/... ./unitgen/... ./runcspec/... ./install/... ./lint/...

STATICCHECK_VERSION := v0.8.2
STATICCHECK := .cache/bin/staticcheck-$(STATICCHECK_VERSION)/staticcheck

# Debian's names of what a step needs that Go's modules do not bring.
BUILD_PACKAGES := gcc libc6-dev pkg-config libostree-dev
TEST_PACKAGES  := mmdebstrap debian-archive-keyring systemd-container systemd buildah skopeo umoci ostree \
                  util-linux mount git e2fsprogs strace gnupg qemu-system-x86 iproute2 busybox-static

# The Debian release of the machines that tests boot: bookworm or trixie.
SUITE := bookworm

# A module of its own beside the one here: its programs need what the product does not.
FLANNEL := images/flannel

IMAGES := $(patsubst images/%/Containerfile,%,$(wildcard images/*/Containerfile))

quietly := .ci/quietly

##@ Start here

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: build images machine ## Install and run etcd and a whole node on a throw-away machine, as a user would
	@go run ./tests/demo

.PHONY: shell
shell: build images machine ## Get a root shell on such a machine, with syscontainer installed
	@go run ./tests/machine shell $(SUITE)

##@ Build

.PHONY: build
build: build-deps ## Make bin/syscontainer and bin/syscontainer-launch
	@$(quietly) 'building syscontainer' \
	  go build -ldflags '-s -w -X main.version=$(VERSION)' -o bin/syscontainer ./cmd/syscontainer
	@$(quietly) 'building syscontainer-launch' env CGO_ENABLED=0 \
	  go build -ldflags '-s -w' -o bin/syscontainer-launch ./cmd/syscontainer-launch

.PHONY: install
install: build ## Put everything a host needs below DESTDIR= (PREFIX=/usr is what units name)
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' packaging/install

.PHONY: images
images: $(IMAGES:%=.cache/images/%/index.json) ## Build the system containers that we ship, below .cache/images

.SECONDEXPANSION:
.cache/images/%/index.json: $(wildcard images/*-* images/build images/policy.json) $$(shell find images/% -type f) | test-deps
	@$(quietly) 'building the image $*' images/build $* .cache/images

.PHONY: machine
machine: test-deps # the Debian that throw-away machines boot from
	@compgen -G '.cache/host/$(SUITE)-*' >/dev/null || $(quietly) 'installing Debian for the throw-away machines' go run ./tests/machine prepare $(SUITE)

.PHONY: clean
clean: ## Remove everything that was built, caches included
	@for root in .cache/run/*/host-*/root; do ! mountpoint -q "$$root" || umount -l "$$root"; done
	@rm -rf bin .cache

##@ Test

# The suite that takes longest and one core begins first, beside the others.
ALL := ./tests/vm ./...

.PHONY: test
test: build images machine ## Run every test, on this machine and on throw-away ones (root; SUITE=bookworm)
	@{ go -C $(FLANNEL) test -count=1 -json ./start; SYSCONTAINER_TEST_SUITE=$(SUITE) go test -count=1 -timeout 20m -json $(ALL); } \
	  | go run ./tests/report

.PHONY: test-pure
test-pure: go ## Run the tests that need nothing but Go: no root, no C
	@CGO_ENABLED=0 go test -json $(PURE) | go run ./tests/report

.PHONY: test-long
test-long: build images machine ## Run every test, and the long loops
	@SYSCONTAINER_TEST_SUITE=$(SUITE) SYSCONTAINER_TEST_LONG=1 go test -count=1 -timeout 3h -json $(ALL) | go run ./tests/report

# A mount namespace of its own takes the benchmark's disk away when it ends, however it ends.
.PHONY: bench-pull
bench-pull: build test-deps ## Measure pulls against podman and others (BENCH_ROUNDS=5), see docs/benchmark.md
	@unshare --mount go run ./tests/benchpull trixie

.PHONY: bench-start
bench-start: build test-deps ## Measure starts against podman's Quadlet and others (BENCH_ROUNDS=20, BENCH_MANY=200)
	@go run ./tests/benchstart trixie

.PHONY: golden
golden: build-deps ## Rewrite the golden files from what the code does now
	@go test $$(grep -rl 'tests/golden"' --include='*_test.go' . | xargs -n 1 dirname | sort -u) -update

.PHONY: docs
docs: build-deps ## Make the man page from what --help says
	@go test ./cmd/syscontainer -run TestManPage -update

.PHONY: lint
lint: build-deps $(STATICCHECK) ## Check formatting and code
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	  [ -z "$$unformatted" ] || { echo "not formatted (make fmt): $$unformatted"; exit 1; }
	@! git grep -nE 't\.Skip(f|Now)?\(' -- '*_test.go' || { echo 'a test that can skip itself proves nothing'; exit 1; }
	@$(quietly) 'go vet' sh -c 'go vet ./... && go -C $(FLANNEL) vet ./start'
	@$(quietly) 'staticcheck' sh -c '$(STATICCHECK) ./... && cd $(FLANNEL) && $(abspath $(STATICCHECK)) ./start'

$(STATICCHECK): | go
	@$(quietly) 'installing staticcheck' env GOBIN='$(abspath $(@D))' \
	  go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)

.PHONY: fmt
fmt: go ## Format the code
	@gofmt -w $$(git ls-files --cached --others --exclude-standard '*.go')

##@ What the steps need (each installs it itself)

.PHONY: go
go: ## Check that there is a Go that is new enough
	@.ci/need-go

.PHONY: build-deps
build-deps: go ## Install the Debian packages for a build
	@.ci/need-packages $(BUILD_PACKAGES)

.PHONY: test-deps
test-deps: build-deps ## Install the Debian packages for tests, images and the demo
	@.ci/need-packages $(TEST_PACKAGES)
