# Closewatch: build, try, check. "make" alone says what there is.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:

# One set of flags for every go command, also inside the tools: with another
# one everything would be compiled a second time.
export GOFLAGS := -trimpath -buildvcs=false -mod=readonly

VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
BIN       := bin/closewatch
TOOLS     := .cache/bin
# Our replacement of a module that cannot be had is tested like our own code.
PACKAGES  := ./... github.com/grafana/grafana-foundation-sdk/go/...
# Servers and browsers are started by tests: no more packages at once than this.
PARALLEL  ?= 2
# What a replay is timed on: with fewer days, what thirty would take is worked out.
REPLAY_DAYS ?= 30

.PHONY: help
help: ## say what there is
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

.PHONY: setup
setup: ## install what tests and the demo need (Debian, Ubuntu; root or sudo)
	@tools/setup/setup.sh

.PHONY: build
build: ## build bin/closewatch
	@echo "building $(BIN) $(VERSION) (the first time takes minutes)"
	go build -ldflags "-s -w -X main.version=$(VERSION)" -o $(BIN) ./cmd/closewatch

.PHONY: demo
demo: setup build ## start a whole estate with business traffic and watch it
	@./$(BIN) demo

.PHONY: demo-check
demo-check: setup build ## break the demo in the ways that tell most and compare the alerts
	@./$(BIN) demo --check

# Where test-causes keeps what each fault was judged by. With
# CAUSES=internal/lab/matrix/testdata it becomes what make test judges again.
CAUSES ?= .cache/causes

.PHONY: test-causes
test-causes: setup build ## break the demo in every way and look whether the cause is ranked first
	@./$(BIN) demo --listen 127.0.0.1:0 --causes $(CAUSES)

.PHONY: test
test: setup ## run every test, with the race detector
	@echo "building and running the tests (the first time takes minutes)"
	go test -json -race -shuffle=on -timeout 10m -p $(PARALLEL) $(PACKAGES) | go run ./tools/tally -name test

# What is kept on disk. The evidence log is tested with it.
STORED := ./internal/durable/... ./internal/datadir/... ./internal/tickrecord/... ./internal/ledger/... ./internal/evidence/...

.PHONY: test-data
test-data: ## kill, fill up and damage all that is kept on disk, in every way
	@CLOSEWATCH_TORTURE=full go test -json -race -shuffle=on -timeout 30m -p $(PARALLEL) $(STORED) | go run ./tools/tally -name test-data

.PHONY: test-accesslog
test-accesslog: ## rotate an access log in every way at full speed, killing its reader
	@CLOSEWATCH_TORTURE=full go test -json -timeout 30m -run '^TestAccessLogTorture$$' ./collectors/traefik | go run ./tools/tally -name test-accesslog

.PHONY: test-faults
test-faults: setup ## lock, freeze, exhaust, restart and fail over what is watched, at full size
	@CLOSEWATCH_FAULTS=full go test -json -shuffle=on -timeout 30m -run '^TestFault' ./collectors | go run ./tools/tally -name test-faults

.PHONY: test-plans
test-plans: setup ## explain every statement sent to Odoo's tables, with a million rows in them
	@CLOSEWATCH_PLANS=full go test -json -timeout 30m -run '^TestPlans$$' ./collectors/odoo | go run ./tools/tally -name test-plans

.PHONY: test-pain
test-pain: setup ## bring about all that users of Odoo complain of, and live through healthy months
	@CLOSEWATCH_PAIN=full go test -json -timeout 60m -run '^(TestPain|TestQuietMonth|TestClose)$$' ./collectors | go run ./tools/tally -name test-pain -tables

.PHONY: test-neutrality
test-neutrality: setup ## kill and break probers 500 times and compare the books
	@CLOSEWATCH_NEUTRALITY=full go test -json -timeout 60m -run '^TestNeutrality$$' ./synthetic | go run ./tools/tally -name test-neutrality -tables

.PHONY: test-delivery
test-delivery: setup ## break Alertmanager, disk, clock and daemon, and count what arrives at people
	@CLOSEWATCH_DELIVERY=full go test -json -timeout 10m -run '^TestDelivery$$' ./alerts/delivery | go run ./tools/tally -name test-delivery -tables

.PHONY: test-rules
test-rules: setup ## hold generated Prometheus rules against the engine on 20 long histories
	@CLOSEWATCH_RULES=full go test -json -timeout 60m -run '^TestRules' ./cmd/closewatch/app | go run ./tools/tally -name test-rules -tables

.PHONY: test-scenarios
test-scenarios: build ## run every scenario of the examples, months included
	@./$(BIN) test deploy/examples/scenarios

.PHONY: lint
lint: $(TOOLS)/gofumpt $(TOOLS)/golangci-lint ## check format, vet, linters and go.mod
	@tools/lint/lint.sh

.PHONY: bench
bench: ## run every benchmark
	@go test -json -run '^$$' -bench . -benchmem -timeout 20m -p 1 $(PACKAGES) | go run ./tools/tally -name bench -bench

.PHONY: bench-calendar
bench-calendar: ## time the lookup in the compiled calendar against doing without
	@go test -run '^$$' -bench '^Benchmark(Lookup|Deadlines|Compile)$$' -benchmem ./internal/calendar | tools/bench/calendar.sh

.PHONY: bench-collectors
bench-collectors: build ## measure PostgreSQL and Redis collectors beside Debian's exporters
	@tools/setup/setup.sh bench
	@go run ./tools/bench/collectors -closewatch $(BIN)

.PHONY: bench-accesslog
bench-accesslog: ## measure reading an access log beside mtail and a bare split into lines
	@tools/setup/setup.sh bench
	@go run ./tools/bench/accesslog

.PHONY: bench-slo
bench-slo: ## measure following objectives beside Prometheus' rules on the same data
	@echo "bench-slo: recording and replaying $(REPLAY_DAYS) days of 1,000 objectives (takes minutes)"
	replay=$$(CLOSEWATCH_REPLAY_DAYS=$(REPLAY_DAYS) GOMAXPROCS=1 go test -run '^$$' -bench '^BenchmarkReplay$$' -benchtime 1x -timeout 60m ./cmd/closewatch/app | awk '{for (i = 2; i <= NF; i++) if ($$i == "replay_s") print $$(i-1)}')
	go run ./tools/bench/slo -replay "$$replay" -replay-days $(REPLAY_DAYS)

.PHONY: golden
golden: setup ## write every golden file anew: review them as code
	@UPDATE_GOLDEN=1 go test -json -timeout 10m -p $(PARALLEL) $(PACKAGES) | go run ./tools/tally -name golden

.PHONY: generate
generate: ## write every generated file anew: tests compare them
	@go generate ./...

.PHONY: clean
clean: ## remove what was built here
	@rm -rf bin .cache

# The linters are modules of their own, so that what they need never bends what
# the daemon is built of.
$(TOOLS)/gofumpt: tools/gofumpt/go.mod tools/gofumpt/go.sum
	@echo "building gofumpt"
	go build -C tools/gofumpt -o $(CURDIR)/$@ mvdan.cc/gofumpt

$(TOOLS)/golangci-lint: tools/golangci-lint/go.mod tools/golangci-lint/go.sum
	@echo "building golangci-lint (the first time takes minutes)"
	go build -C tools/golangci-lint -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
