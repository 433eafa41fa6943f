# Every command a contributor or a pipeline needs; `make help` lists them.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

BIN   := .bin
TOOLS := -modfile=.ci/tools.mod
# What test and lint look at
PKG ?= ./...
# What takes longest is begun first, so that it is not alone in the end
ifeq ($(PKG),./...)
LONGEST := ./test/faults ./storage/redis ./test/mutants
endif
# What uses the product one step after the other runs without the race detector, with
# which that takes several times as long. Faults and conformance look for races in the
# product.
PLAIN := ./api ./cmd/cambio ./cmd/dist ./internal/doctor ./manage ./storage/observed \
	./test/compose ./test/console/... ./test/credentials ./test/docs ./test/proxies ./test/soak ./test/systemd
SAID  := --format pkgname-and-test-fails
# make lint vets; each test package would be vetted once more. What tests start is often
# waited for, so one package more than there are processors keeps those busy. On a slow
# machine that does other things the longest takes more than the usual ten minutes
FLAGS := -vet=off -shuffle=on -timeout=20m -p $$(($$(nproc) + 1))
# A process with the race detector waits for a second before it ends, and the tests end
# hundreds
export GORACE ?= atexit_sleep_ms=20
# URL or file:// of a vulnerability database in the format of https://go.dev/doc/security/vuln/database
GOVULNDB ?= https://vuln.go.dev
# How long each fuzz function runs
FUZZTIME ?= 1s
# Part of them, such as 3/8; empty is all
FUZZPART ?=
# Platforms of make dist, such as linux/amd64,windows/amd64; none is all
TARGETS ?=
# Packages whose own tests must cover COVER_MIN percent of their statements
COVER     ?= pat exchange keys authz
COVER_MIN ?= 90

.PHONY: test
test: $(BIN)/gotestsum ## Run every test (or PKG=./pat/...) with the race detector; first install what tests start, where that is possible
	.ci/deps
	all=$$(go list $(PKG)); plain=$$(go list $(PLAIN)); race=$$(.ci/race); failed=0; \
	raced=$$(grep -vxF "$$plain" <<<"$$all" || true); rest=$$(grep -xF "$$plain" <<<"$$all" || true); \
	[ -z "$$raced" ] || $< $(SAID) -- $$race $(FLAGS) $(LONGEST) $$raced || failed=1; \
	[ -z "$$rest" ] || $< $(SAID) -- $(FLAGS) $$rest || failed=1; \
	exit $$failed

.PHONY: lint
lint: $(BIN)/golangci-lint ## Lint all code (or PKG=./pat/...), check its formatting, verify the modules
	go mod verify
	go vet $(PKG)
	$< run $(PKG)
	$< fmt --diff $(PKG)

.PHONY: fmt
fmt: $(BIN)/golangci-lint ## Format all code
	$< fmt ./...

.PHONY: vuln
vuln: $(BIN)/govulncheck ## Look for known vulnerabilities that the code reaches (GOVULNDB names the database)
	$< -db $(GOVULNDB) ./...

.PHONY: cover
cover: ## Print the statement coverage of the packages that decide; fail under COVER_MIN percent
	go test -vet=off -cover $(patsubst %,./%/...,$(COVER)) | .ci/coverage $(COVER_MIN)

.PHONY: fuzz
fuzz: ## Run every fuzz function for FUZZTIME
	.ci/fuzz $(FUZZTIME) $(FUZZPART)

.PHONY: bench
bench: ## Print ratios against the floor, from one interleaved run
	go run ./bench

.PHONY: bench-vary
bench-vary: ## Print what metrics, tracing, TLS, HTTP/2 and the log cost, each from one interleaved run
	go run ./bench -conns '' -lists '' -vary nothing,metrics,tracing,tls,http2,log

.PHONY: bench-replicas
bench-replicas: ## Print what one, two and four replicas give on one Redis, and what limits them
	go run ./bench -conns '' -lists '' -store redis -replicas 1,2,4

.PHONY: bench-scale
bench-scale: ## Print what an exchange costs among 10000 and a million tokens
	go run ./bench -conns '' -lists '' -tokens 10000,1000000

# Which store bench-flame is with
STORE ?= bolt

.PHONY: bench-flame
bench-flame: ## Profile exchanges (STORE=redis) and show them as a flame graph in a browser
	go run ./bench -profile -store $(STORE)
	go tool pprof -http=127.0.0.1: bench-$(STORE)-cpu.prof

.PHONY: bench-lists
bench-lists: ## Print the times of lists of 10000, 100000 and a million tokens, which is a part of bench
	go run ./bench -conns ''

# module:package of the libraries that test/peers uses
PYTHON_MODULES := jwt:python3-jwt cryptography:python3-cryptography requests:python3-requests authlib:python3-authlib \
	requests_oauthlib:python3-requests-oauthlib fastapi:python3-fastapi uvicorn:python3-uvicorn
# What it guards an API with; modules of Apache are no programs
GUARDS := haproxy:haproxy openssl:openssl apache2:apache2 ruby:ruby /usr/share/doc/ruby-jwt:ruby-jwt \
	$(patsubst %,/usr/lib/apache2/modules/%,mod_oauth2.so:libapache2-mod-oauth2 mod_auth_openidc.so:libapache2-mod-auth-openidc)

# test/peers, test/deploy and test/alerts are modules of their own, which ./... does not reach: what
# they build is many times the product. They replace that by this checkout.
NESTED = go vet ./... && $(CURDIR)/$(BIN)/golangci-lint run --disable gomoddirectives ./... && go test -count=1 -timeout=60m ./...

.PHONY: peers
peers: $(BIN)/golangci-lint ## Drive third-party clients and proxies against the binary
	.ci/deps node:nodejs npm:npm /usr/bin/python3:python3 $(GUARDS) $(patsubst %,/usr/lib/python3/dist-packages/%,$(PYTHON_MODULES))
	cd test/peers && $(NESTED)

.PHONY: faults
faults: ## Run the fault suite and the mutants in full
	.ci/deps
	CAMBIO_FULL=1 go test -count=1 -timeout=60m ./test/faults/... ./test/mutants ./storage/redis

.PHONY: marathon
marathon: ## Run the fault and conformance suites with every count at its full size; takes hours
	.ci/deps
	CAMBIO_MARATHON=1 go test -count=1 -timeout=12h ./test/faults/... ./test/conformance/...

# How long the soak lasts; an hour writes up to 10 GB of audit trail below TMPDIR
SOAK ?= 10m

.PHONY: soak
soak: ## Load the product for SOAK, 10 minutes, while Redis and processes fail, and judge answers, growth and the audit trail
	.ci/deps
	go test -count=1 -v -timeout=4h ./test/soak -run '^TestSoak$$' -soak $(SOAK)

# Where make shots writes
SHOTS ?= $(BIN)/shots

.PHONY: shots
shots: ## Write a picture of every page of the console, at three widths in both color schemes, into SHOTS
	.ci/deps
	CAMBIO_SHOTS=$(abspath $(SHOTS)) go test -count=1 -timeout=30m -run '^TestShots$$' ./test/console

.PHONY: generate
generate: ## Write the generated code anew
	go generate ./...

.PHONY: generate-check
generate-check: ## Fail if the generated code is not up to date
	.ci/generate-check

.PHONY: build
build: ## Build the binary into .bin/cambio
	go build -trimpath -o $(BIN)/cambio ./cmd/cambio

.PHONY: dist
dist: ## Make a release of the commit, of the version in VERSION, into dist (TARGETS=linux/amd64 for a part)
	go run ./cmd/dist -targets "$(TARGETS)"

.PHONY: dist-check
dist-check: ## Make it twice, in two places and without a cache, and fail if a byte differs
	.ci/dist-check -targets "$(TARGETS)"

.PHONY: deploy-check
deploy-check: $(BIN)/golangci-lint ## Hold deploy/ and a release's bill of materials against helm, kustomize, Kubernetes' types and CycloneDX' schema
	cd test/deploy && $(NESTED)

.PHONY: alerts-check
alerts-check: $(BIN)/golangci-lint ## Cause what each alert is for, see it fire, do what its runbook says, see it end; hold the dashboard against the metrics
	.ci/deps promtool:prometheus
	cd test/alerts && $(NESTED)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The tools are pinned in .ci/tools.mod and built once; the first build of the
# linter takes minutes.
$(BIN)/golangci-lint: .ci/tools.mod
	go build $(TOOLS) -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(BIN)/govulncheck: .ci/tools.mod
	go build $(TOOLS) -o $@ golang.org/x/vuln/cmd/govulncheck

$(BIN)/gotestsum: .ci/tools.mod
	go build $(TOOLS) -o $@ gotest.tools/gotestsum
