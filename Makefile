FUZZTIME ?= 50000x
SOAK ?= 10m
PREFIX ?= /usr/local

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

build: ## make ./knockc
	go build ./cmd/knockc

install: ## install below DESTDIR and PREFIX, which is /usr/local
	DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) DATE=$(shell git log -1 --format=%cs) packaging/install.sh

deb: ## make a Debian package, with a version that names the last commit
	packaging/deb.sh

quick: ## open doors in the kernel and try all cases, in less than a minute
	go test -count=1 -v -run 'Cases' ./spec

test: ## run all tests; those on the kernel need root and nftables, and tell what they saw
	@status=0; \
	go test -skip OnKernel ./... || status=1; \
	go test -count=1 -v -run OnKernel ./... || status=1; \
	exit $$status

kernel: ## run the tests on the kernel alone; `unshare -rn make kernel` needs no root
	KNOCKC_KERNEL=required go test -count=1 -v -run OnKernel ./...
	KNOCKC_KERNEL=required go test -count=1 ./internal/netns

soak: ## try random policies on the kernel for as long as SOAK says
	KNOCKC_KERNEL=required go test -count=1 -v -timeout 0 -run RandomOnKernel ./spec -soak $(SOAK)

fuzz: ## run each fuzz target FUZZTIME times, or as long (50000x or 1m)
	go test ./lang -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./lang -run '^$$' -fuzz FuzzFormat -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./lang/trace -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./lang/trace -run '^$$' -fuzz FuzzFormat -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./lang/trace -run '^$$' -fuzz FuzzShortWay -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./knockd -run '^$$' -fuzz FuzzImport -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./sim/capture -run '^$$' -fuzz FuzzOpen -fuzztime $(FUZZTIME) -fuzzminimizetime 10x

bench: ## run the benchmarks
	go test -run '^$$' -bench . ./...

golden: ## write golden files again, to be read in the diff
	go test ./lang/... ./compiler ./sim/replay ./knockd ./spec ./cmd/... ./packaging -update

lint: ## what gofmt and vet say
	test -z "$$(gofmt -l .)"
	go vet ./...

.PHONY: help build install deb quick test kernel soak fuzz bench golden lint
