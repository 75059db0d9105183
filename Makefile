FUZZTIME ?= 50000x
PACKETS ?= 1000000
SOURCES ?= 1000000
KILLS ?= 504
CUTS ?= 20
SEED ?= 0
PREFIX ?= /usr/local

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

build: ## make ./knockc, without libc, which takes time to load
	CGO_ENABLED=0 go build ./cmd/knockc

install: ## install below DESTDIR and PREFIX, which is /usr/local
	DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) DATE=$(shell git log -1 --format=%cs) packaging/install.sh

PLATFORMS = linux/amd64 linux/arm64 linux/arm linux/riscv64 darwin/amd64 darwin/arm64 \
	windows/amd64 windows/arm64 freebsd/amd64

release: ## make all files of a release of the last commit in dist
	PLATFORMS="$(PLATFORMS)" packaging/release.sh

deb: ## make a Debian package, with a version that names the last commit
	packaging/deb.sh

vscode: ## build the extension for VS Code, editors/vscode/knockc-VERSION.vsix, with npm
	packaging/vsix.sh

deb-test: ## build the Debian package and use what is in it, as root also under systemd
	KNOCKC_PACKAGING=required go test -timeout 1h -count=1 ./packaging

playground: ## make playground.html, which needs Node.js and npm
	playground/build.sh

quick: ## open doors in the kernel and try all cases, in about a minute
	go test -count=1 -v -run 'Cases' ./spec

test: ## run all tests except deb-test; those on the kernel need root and nftables
	@status=0; \
	go test -timeout 1h -skip OnKernel ./... || status=1; \
	go test -timeout 1h -count=1 -v -run OnKernel ./... || status=1; \
	exit $$status

kernel: ## run the tests on the kernel alone; `unshare -rn make kernel` needs no root
	KNOCKC_KERNEL=required go test -timeout 1h -count=1 -v -run OnKernel ./...
	KNOCKC_KERNEL=required go test -timeout 1h -count=1 ./internal/netns

soak: ## try random policies on the kernel with PACKETS packets, in minutes
	KNOCKC_KERNEL=required go test -count=1 -v -timeout 0 -run RandomOnKernel ./spec -packets $(PACKETS) -traces 12

load: ## flood hosts from SOURCES forged sources each, and fill the table of connections; in minutes
	KNOCKC_KERNEL=required go test -count=1 -v -timeout 1h -run 'LoadOnKernel|TrackingOnKernel' ./spec -sources $(SOURCES)

faults: ## take the kernel's memory away, cut the power, kill KILLS commands, all at moments that SEED repeats; in minutes
	KNOCKC_KERNEL=required go test -count=1 -v -run NoMemoryOnKernel ./live
	KNOCKC_KERNEL=required go test -count=1 -v -timeout 1h -run 'Killed|PowerLoss' ./cmd/knockc -kills $(KILLS) -seed $(SEED)

power: ## cut the power of a machine in QEMU CUTS times, at moments that SEED repeats; about half a minute each
	go run ./spec/matrix -power $(CUTS) -seed $(SEED)

matrix: ## run tests on other kernels and with other nfts, or in CELLS, and write spec/matrix.md; see spec/matrix
	go run ./spec/matrix -cells "$(CELLS)" -write spec/matrix.md

matrix-quick: ## a part of it: the cases on Linux 6.1, and with the newest nft
	go run ./spec/matrix -cells running/forky -parts "examples cases"
	go run ./spec/matrix -cells bookworm -parts cases

fuzz: ## run each fuzz target FUZZTIME times, or as long (50000x or 1m)
	go test ./lang -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./lang -run '^$$' -fuzz FuzzFormat -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./lang/trace -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./lang/trace -run '^$$' -fuzz FuzzFormat -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./lang/trace -run '^$$' -fuzz FuzzPrint -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./lsp -run '^$$' -fuzz FuzzChanges -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./lsp -run '^$$' -fuzz FuzzEditing -fuzztime 2000x -fuzzminimizetime 10x
	go test ./knockd -run '^$$' -fuzz FuzzImport -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	go test ./sim/capture -run '^$$' -fuzz FuzzOpen -fuzztime $(FUZZTIME) -fuzzminimizetime 10x

bench: ## run the benchmarks
	go test -run '^$$' -bench . ./...

golden: ## write golden files again, to be read in the diff
	go test ./lang/... ./compiler ./sim/replay ./knockd ./spec ./cmd/... ./packaging -update

# The packages that macOS and Windows run as well.
PORTABLE = ./cmd/... ./compiler ./explore ./knock ./knockd ./lang/... ./lsp ./report ./sim/... ./timeline

lint: ## what gofmt and vet say, vet also of what macOS and Windows run
	test -z "$$(gofmt -l .)"
	go vet ./...
	GOOS=darwin go vet $(PORTABLE)
	GOOS=windows go vet $(PORTABLE)

vulncheck: ## what the Go team knows of vulnerabilities in Go and in what is used here
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 $(if $(VULNDB),-db $(VULNDB)) ./...

rename: ## give the project another import path: make rename MODULE=git.example/knockc
	@test -n "$(MODULE)" || { echo "usage: make rename MODULE=git.example/knockc"; exit 2; }
	from=$$(go list -m) && git grep -lF "$$from" | xargs sed -i "s|$$from|$(MODULE)|g; s|uses: github.com/|uses: |"
	gofmt -w .

platforms: ## build knockc for other systems, and for browsers what it is made of
	for p in $(PLATFORMS); do \
		CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} go build -trimpath -o /dev/null ./cmd/knockc || \
			{ echo "knockc does not build for $$p"; exit 1; }; \
	done
	GOOS=darwin go build -trimpath ./... # as pre-commit does
	GOOS=windows go build -trimpath ./...
	GOOS=js GOARCH=wasm go build ./lang/... ./compiler ./sim/... ./report ./timeline ./playground/...

.PHONY: help build install release deb vscode deb-test playground quick test kernel soak load faults power matrix matrix-quick fuzz bench golden lint vulncheck platforms rename
