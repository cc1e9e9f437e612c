# Every target sets up what it needs; a second run skips what is done. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-bench demo demo-down test lint unit browser-test e2e bench soak fuzz manifests protos images images-check clean

BIN := .venv/bin
APT := iptables=iptables nftables=nft iproute2=ip jq=jq curl=curl nghttp2-client=h2load nghttp2-server=nghttpd wrk=wrk \
	faketime=faketime uidmap=newuidmap
# Programs that some tests look at the product with; those tests skip where they cannot be had.
APT_TEST := chromium=chromium zsh=zsh fish=fish prometheus=prometheus
APT_BENCH := $(APT) nginx-light=nginx
APISERVER := embedded
# Only where it is given to make: an exported KUBECONFIG is somebody's cluster, not a place for tests.
ifeq ($(origin KUBECONFIG),command line)
E2E_ON := E2E_KUBECONFIG=$(KUBECONFIG)
endif
KUBE_APISERVER :=
ETCD :=
PATHS := conftest.py libs services cli sandbox examples tests tools bench

help: ## list every target
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 16

setup: ## virtual environment, Python packages, missing Debian packages
	@python3 tools/provision.py --apt $(APT)

setup-bench: ## the same, with the bench's peers
	@python3 tools/provision.py --bench --apt $(APT_BENCH)

demo: setup ## a mesh on this machine: install, emojivoto, injected live, seen by the CLI
	@$(BIN)/python -m tools.demo

demo-down: ## stop the demo's cluster; nothing is left
	@$(BIN)/linkerd sandbox down

test: setup lint ## everything that must pass: lint, types, layers, unit and e2e tests
	@python3 tools/provision.py --apt $(APT) --try $(APT_TEST)
	@$(BIN)/pytest -q -m "not soak and not fuzz"

lint: setup ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check -q $(PATHS)
	@$(BIN)/ruff format -q --check $(PATHS) || { echo "format: run '.venv/bin/ruff format $(PATHS)'"; exit 1; }
	@$(BIN)/mypy $(PATHS)
	@$(BIN)/lint-imports --no-logo 2>&1 | tail -n 12

unit: setup ## tests that need no cluster
	@$(BIN)/pytest -q -m "not soak and not fuzz and not root and not mesh"

browser-test: ## the dashboard in chromium (installed where it is not: 280 MB)
	@python3 tools/provision.py --apt $(APT) chromium=chromium
	@$(BIN)/pytest -q services/viz/tests/web

e2e: setup ## the installed mesh on the sandbox; CLUSTER=kind; KUBECONFIG=PATH; APISERVER=real KUBE_APISERVER=… ETCD=…
ifeq ($(CLUSTER),kind)
	@$(BIN)/python -m tools.kind
else
	@$(E2E_ON) APISERVER=$(APISERVER) KUBE_APISERVER=$(KUBE_APISERVER) ETCD=$(ETCD) $(BIN)/pytest -q -m "not soak" tests/e2e
endif

bench: setup-bench ## side by side with an Envoy pair, then certificates a second, then a large cluster; minutes long
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench.identity
	@$(BIN)/python -m bench.destination

soak: setup ## long runs under load with a memory bound
	@$(BIN)/pytest -q -m soak --timeout 3600

fuzz: setup ## long runs of the fuzz targets, and every property with examples that no run had before
	@$(BIN)/pytest -q -m "fuzz or hypothesis" --hypothesis-profile explore --timeout 3600

protos: setup ## generate emojivoto's messages from its .proto files
	@cd examples/emojivoto && ../../$(BIN)/python -m grpc_tools.protoc -Iproto --python_out=src/emojivoto/v1 proto/*.proto

manifests: setup ## render deploy/kustomize into the CLI's manifests (needs kubectl with kustomize v5)
	@$(BIN)/python tools/manifests.py

images: ## build the images with docker buildx bake
	docker buildx bake

images-check: ## build the images with buildah on a base made here, and look at them (root; minutes)
	@python3 tools/provision.py --apt $(APT) buildah=buildah debootstrap=debootstrap
	@$(BIN)/python -m tools.images_check $(IMAGES)

clean: ## remove what setup and the tests made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
