# `make help` lists the targets. .ci/run uses the same ones.
PYTHON ?= python3
VENV := .venv
# Without cached bytecode, every worker and every process of the tests would compile the sources again.
unexport PYTHONDONTWRITEBYTECODE
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes
# The tests mostly wait for processes, so six at a time suit two cores.
JOBS ?= 6
# Tests that start no process mostly compute and wait little, so four at a time suit two cores.
CHECK_JOBS ?= 4
PYTEST := $(BIN)/python -m pytest --dist loadgroup --numprocesses
# The pinned versions of Centrifugo: `make run` uses v6, and the tests use v6 and v5. With CENTRIFUGO_BIN set, another
# binary is used instead of both.
CENTRIFUGO := .cache/centrifugo-v6
CENTRIFUGOS := $(CENTRIFUGO) .cache/centrifugo-v5
# An archive of the classes of the Kafka broker. It is made after the broker's jars are fetched.
KAFKA := .cache/kafka/kafka.jsa

# The tools that check deploy/ and .github/: three programs, and a file with the schemas of external-secrets' resources.
DEPLOY_TOOLS := $(addprefix .cache/deploy/,kustomize manifests actionlint external-secrets.yaml)

# Files that exist when npm packages are installed: JS for the packages of the tests, PAGE for those of `make run`'s
# page.
JS := .cache/js/.installed
PAGE := .cache/page/.installed

.DEFAULT_GOAL := help
.PHONY: help run check test bench docs identity-example identity-example-if-possible js js-if-possible page page-if-possible screenshots kafka kafka-if-possible checks lint types proto proto-go dashboards pictures spire format requirements clean centrifugo centrifugos centrifugos-if-possible options deploy-tools deploy-tools-if-possible prometheus-rule

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; choose one with make PYTHON=…")'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# Installs only the packages that the service and the demonstration need.
$(VENV)/.run: $(VENV)/.python requirements/base.txt requirements/demo.txt
	@echo "Installing the service's packages into $(VENV), once; this takes about a minute."
	@$(PIP) -r requirements/base.txt -r requirements/demo.txt
	@touch $@

$(VENV)/.installed: $(VENV)/.run requirements/dev.txt requirements/docs.txt requirements/bench.txt
	@echo "Installing the packages of the tests into $(VENV), once; this takes about a minute."
	@$(PIP) -r requirements/dev.txt -r requirements/docs.txt -r requirements/bench.txt
	@touch $@

run: $(VENV)/.run page-if-possible  ## start the service with a page that shows clients and an outage; all on loopback
	@$(BIN)/python -m demo

page: $(PAGE)  ## fetch Centrifugo's JavaScript SDK for the page of make run, with npm

# npm does not retry, so that `make run` starts soon on a machine without a network.
$(PAGE): tools/js/package.json tools/js/package-lock.json
	@mkdir -p $(@D)
	cp $^ $(@D)
	cd $(@D) && npm ci --omit=dev --no-audit --no-fund --silent --fetch-retries=0 --fetch-timeout=10000
	@touch $@

# Without the SDK, the clients of the page send their requests to the service directly, and the page says so
# (demo/web/sdk.py).
page-if-possible:
	@mkdir -p .cache
	@[ -e $(PAGE) ] || ! command -v npm > /dev/null || echo "Fetching Centrifugo's JavaScript SDK for the page with npm, once; this takes some seconds."
	@! command -v npm > /dev/null || $(MAKE) --no-print-directory page > .cache/page.log 2>&1 || \
		echo "npm could not fetch the SDK: .cache/page.log has the reason. Without the SDK the page does not use Centrifugo."

screenshots: $(VENV)/.installed $(JS)  ## take the pictures of docs/images again; needs Chromium and make centrifugo
	SCREENSHOTS=docs/images $(BIN)/python -m pytest tests/demo/test_page.py -k outage --timeout 300

# Runs a tenth of the property tests' examples, and no test that starts a process.
check: checks  ## run the static checks and the tests that start no process; under 90 seconds
	EXAMPLES=0.1 $(PYTEST) $(CHECK_JOBS) -m "not processes"

test: checks centrifugos-if-possible kafka-if-possible js-if-possible deploy-tools-if-possible identity-example-if-possible  ## run the static checks and the whole test suite
	EXAMPLES=$${EXAMPLES:-0.5} $(PYTEST) $(JOBS)

centrifugo: $(CENTRIFUGO)  ## build the pinned Centrifugo v6, with Go

centrifugos: $(CENTRIFUGOS)  ## build Centrifugo v6 and v5 for the tests

.cache/centrifugo-v%: tools/centrifugo/v%/go.mod tools/centrifugo/v%/go.sum
	@mkdir -p $(@D)
	module=github.com/centrifugal/centrifugo/v$*; \
	version=$$(sed -n "s|.*$$module v\([^ ]*\).*|\1|p" $<); \
	cd $(<D) && go build -mod=readonly -o $(CURDIR)/$@ -ldflags "-s -w -X $$module/internal/build.Version=$$version" $$module
	@touch $@

# A failed build does not stop the tests: tests/e2e/conftest.py then reads the log of the build, and skips the tests or
# fails them with the reason.
centrifugos-if-possible:
	@mkdir -p .cache
	@[ -n "$$CENTRIFUGO_BIN" ] || $(MAKE) --question --no-print-directory centrifugos > /dev/null 2>&1 || \
		echo "Building Centrifugo v6 and v5 for the tests, once; this takes some minutes"
	@[ -n "$$CENTRIFUGO_BIN" ] || $(MAKE) --no-print-directory --keep-going centrifugos > .cache/centrifugo.log 2>&1 || true

SPIRE := .cache/spire/spire-server .cache/spire/spire-agent

spire: $(SPIRE)  ## build the pinned SPIRE for the tests, with Go; takes half an hour or more

$(SPIRE): tools/spire/go.mod tools/spire/go.sum
	@mkdir -p .cache/spire
	cd tools/spire && go build -mod=readonly -trimpath -ldflags "-s -w" -o $(CURDIR)/$@ github.com/spiffe/spire/cmd/$(@F)
	@touch $@

options: centrifugos  ## write the lists of Centrifugo's options that check_centrifugo_config uses, from v6 and v5
	$(BIN)/python -m tools.centrifugo_options
	$(BIN)/ruff format --quiet centrifugo_proxy/server_config/options

kafka: $(KAFKA)  ## fetch the Kafka broker of the bridge's tests, with Maven

$(KAFKA): tools/kafka/pom.xml $(VENV)/.installed
	mvn -q -B -f tools/kafka/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/.cache/kafka/libs
	$(BIN)/python -m tools.kafka.broker
	@touch $@

# A failed download does not stop the tests: tests/harness/kafka.py then decides whether the tests that need Kafka are
# skipped or fail.
kafka-if-possible:
	@mkdir -p .cache
	@[ -e $(KAFKA) ] || echo "Fetching Kafka for the bridge's tests, once"
	@[ -e $(KAFKA) ] || $(MAKE) --no-print-directory kafka > .cache/kafka.log 2>&1 || true

js: $(JS)  ## install the npm packages of the tests, with Node.js

$(JS): tools/js/package.json tools/js/package-lock.json
	@mkdir -p $(@D)
	cp $^ $(@D)
	cd $(@D) && npm ci --no-audit --no-fund --silent
	@touch $@

# If this fails, the tests that need the packages are skipped with the reason (tests/harness/node.py).
js-if-possible:
	@mkdir -p .cache
	@[ -e $(JS) ] || echo "Installing the npm packages of the tests, once"
	@$(MAKE) --no-print-directory js > .cache/js.log 2>&1 || true

deploy-tools: $(DEPLOY_TOOLS)  ## build the tools that check the files of deploy/, with Go

BUILD_TOOL = @mkdir -p $(@D) && cd tools/$(@F) && go build -mod=readonly -trimpath -ldflags "-s -w" -o $(CURDIR)/$@

.cache/deploy/kustomize: tools/kustomize/go.mod tools/kustomize/go.sum
	$(BUILD_TOOL) sigs.k8s.io/kustomize/kustomize/v5

.cache/deploy/actionlint: tools/actionlint/go.mod tools/actionlint/go.sum
	$(BUILD_TOOL) github.com/rhysd/actionlint/cmd/actionlint

.cache/deploy/manifests: $(wildcard tools/manifests/*)
	$(BUILD_TOOL) .

# The Go types of external-secrets need hundreds of packages, so its custom resource definition is used instead.
.cache/deploy/external-secrets.yaml: tools/external-secrets/go.mod tools/external-secrets/go.sum
	@mkdir -p $(@D)
	cd $(<D) && go mod download github.com/external-secrets/external-secrets && \
		install -m 644 "$$(go list -m -f '{{.Dir}}' github.com/external-secrets/external-secrets)"/config/crds/bases/external-secrets.io_externalsecrets.yaml $(CURDIR)/$@

# A failed build does not stop the tests: tests/harness/deploy_tools.py then reads the log of the build, and skips the
# tests or fails them with the reason.
deploy-tools-if-possible:
	@mkdir -p .cache
	@$(MAKE) --question --no-print-directory deploy-tools > /dev/null 2>&1 || \
		echo "Building the tools that check deploy/, once; this takes about a minute"
	@$(MAKE) --no-print-directory --keep-going deploy-tools > .cache/deploy.log 2>&1 || true

prometheus-rule: $(VENV)/.installed  ## write the PrometheusRule of deploy/flux from deploy/alerts.yml
	$(BIN)/python -m tools.prometheus_rule

bench: $(VENV)/.installed  ## compare the CPU time of a connect with that of a bare ASGI function; pass options as BENCH="--rounds 1"
	@$(BIN)/python -m bench.compare $(BENCH)

IDENTITY_EXAMPLE := .cache/identity-example

identity-example: $(IDENTITY_EXAMPLE)  ## build the example of an identity service in Go

$(IDENTITY_EXAMPLE): $(wildcard examples/identity/go/*.* examples/identity/go/*/*.go)
	@mkdir -p $(@D)
	cd examples/identity/go && go build -mod=readonly -trimpath -ldflags "-s -w" -o $(CURDIR)/$@ .

# A failed build does not stop the tests: tests/examples/identity.py then reads the log of the build, and skips the
# tests or fails them with the reason.
identity-example-if-possible:
	@mkdir -p .cache
	@[ -e $(IDENTITY_EXAMPLE) ] || echo "Building the identity service in Go for the tests, once"
	@$(MAKE) --no-print-directory identity-example > $(IDENTITY_EXAMPLE).log 2>&1 || true

# NO_MKDOCS_2_WARNING hides a long notice about MkDocs 2 that the theme prints.
docs: $(VENV)/.installed js-if-possible  ## build the documentation as a site, .cache/site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

checks: lint types  ## run only the static checks

lint: $(VENV)/.installed  ## run ruff, and check the import contracts
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	@contracts=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$contracts"; exit 1; }

types: $(VENV)/.installed  ## check the types with mypy
	$(BIN)/mypy --no-error-summary

format: $(VENV)/.installed  ## format the code with ruff
	$(BIN)/ruff check --quiet --fix .
	$(BIN)/ruff format --quiet .

dashboards: $(VENV)/.installed  ## write the Grafana dashboards of deploy/grafana
	$(BIN)/python -m tools.dashboards

# The tests run Prometheus; matplotlib then draws the data that Prometheus has for each panel.
pictures: $(VENV)/.installed kafka-if-possible centrifugos-if-possible  ## draw the dashboards' pictures in docs/dashboards
	@$(PIP) -r requirements/pictures.txt
	DRAW_DASHBOARDS=1 $(BIN)/python -m pytest tests/tools/dashboards tests/bridge/e2e/test_dashboard.py

proto: $(VENV)/.installed  ## generate the code of the contract in proto/, and the example's descriptor set
	$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. --grpc_python_out=. proto/realtime/v1/*.proto
	$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. proto/spiffe/*.proto
	$(BIN)/python -m grpc_tools.protoc -Iroutes.example --include_imports --descriptor_set_out=routes.example/identity.binpb routes.example/identity.proto

GO_EXAMPLE := examples/identity/go
GO_PACKAGE := realtime/v1/connect_proxy.proto=example.org/identity/realtimev1

proto-go: $(VENV)/.installed  ## generate the code of the contract for the example in Go
	$(BIN)/python -m grpc_tools.protoc -Iproto \
		--plugin=protoc-gen-go="$$(cd $(GO_EXAMPLE) && go tool -n protoc-gen-go)" \
		--plugin=protoc-gen-go-grpc="$$(cd $(GO_EXAMPLE) && go tool -n protoc-gen-go-grpc)" \
		--go_out=$(GO_EXAMPLE) --go_opt=module=example.org/identity,M$(GO_PACKAGE) \
		--go-grpc_out=$(GO_EXAMPLE) --go-grpc_opt=module=example.org/identity,M$(GO_PACKAGE) realtime/v1/connect_proxy.proto

# `make requirements RESOLVE=` (an empty value) keeps the existing pins if possible, and adds only new requirements.
RESOLVE ?= --upgrade
COMPILE = $(BIN)/pip-compile --quiet $(RESOLVE) --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

requirements: $(VENV)/.installed  ## pin the newest versions in requirements/*.txt, with hashes
	$(COMPILE) -o requirements/base.txt requirements/base.in
	$(COMPILE) -o requirements/demo.txt requirements/demo.in
	$(COMPILE) -o requirements/dev.txt requirements/dev.in
	$(COMPILE) -o requirements/bench.txt requirements/bench.in
	$(COMPILE) -o requirements/docs.txt requirements/docs.in
	$(COMPILE) -o requirements/pictures.txt requirements/pictures.in

clean:  ## remove the virtual environment, caches and builds
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
