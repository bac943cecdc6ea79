# `make run` brings everything up and performs the main job; `make test` passes the tests. The rest is on the way there.

.DEFAULT_GOAL := help
.PHONY: help run stop status test check fmt package deploy import migrate migrate-bench replay bench bench-seckill audit \
	rebuild daybook redemptions draws drill properties proofs environment tools

PY := .venv/bin/python
export PYTHON

help:
	@echo "make run       bring up the embedded cloud, deploy, perform the main job"
	@echo "make stop      end it, keeping its data"
	@echo "make status    what runs, and where"
	@echo "make test      all tests (they start and end an embedded cloud of their own)"
	@echo "make check     format, lint, types, import contracts, security"
	@echo "make fmt       format the sources"
	@echo "make import    FILE=orders.csv PLATFORM=youzan    orders from a file"
	@echo "make migrate   FILE=members.csv RATIO=10:1 [DRY=1] [NEVER=1]    a brand's members with balances, growth and levels"
	@echo "make migrate-bench [MEMBERS=100000]    made-up members into the embedded cloud, with rate and memory"
	@echo "make replay    the public CDNOW purchase log, or FILE=..., night by night in a stack of its own"
	@echo "make bench     what operations, decisions, cold starts and acks of callbacks cost, beside their floors"
	@echo "make bench-seckill [UNITS=10000]    64 clients after so many units, beside bare boto3"
	@echo "make audit     [STAGE=local] [MEMBER=m...] [JSON=1]    every balance against its entries; changes nothing"
	@echo "make rebuild   [STAGE=local]    finance's daybook and totals again from the journal; says whether they stood"
	@echo "make daybook   MONTH=2026-11 [FILE=] [STAGE=local]    the lines of a month as CSV"
	@echo "make redemptions    [MONTH=2026-11] [FILE=] [STAGE=local]    the redemptions of a month as CSV, without addresses"
	@echo "make draws     2,000 draws of a lottery over HTTP in an embedded cloud of their own, held against the odds, audited"
	@echo "make drill     plants faults and shows which test catches each; [ONLY=word]"
	@echo "make properties    thousands of random lives of a ledger beside its model; [SEED=n] repeats a run"
	@echo "make proofs    what make test proves on a slice: the whole CDNOW log, its levels, stages and months; 200 members for 50 pieces"
	@echo "make package   the deployable zip and template"
	@echo "make deploy    STAGE=prod BUCKET=my-bucket [PARAMETERS='Login=closed ...']    to AWS"

environment:
	@sh local/environment.sh local/requirements.txt

tools:
	@sh local/environment.sh requirements-dev.txt

run: environment
	@$(PY) -m local.cloud run

stop:
	@if [ -x $(PY) ]; then $(PY) -m local.cloud stop; else echo "  nothing was running"; fi

status: environment
	@$(PY) -m local.cloud status

test: tools
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: tools
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports
	@$(PY) -m bandit --quiet --recursive --severity-level medium app.py chalicelib local

fmt: tools
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix --quiet .

package: environment
	@$(PY) -m local.cloud package

deploy: environment
	@test -n "$(STAGE)" || { echo "  name a stage: make deploy STAGE=prod BUCKET=my-bucket"; exit 1; }
	@test -n "$(BUCKET)" || { echo "  name a bucket of yours for the package: make deploy STAGE=$(STAGE) BUCKET=my-bucket"; exit 1; }
	@$(PY) -m local.cloud deploy --stage "$(STAGE)" --bucket "$(BUCKET)" $(PARAMETERS:%=--parameter %)

import: environment
	@$(PY) -m local.import_orders --file "$(FILE)" --platform "$(PLATFORM)" $(if $(STAGE),--stage "$(STAGE)")

migrate: environment
	@$(PY) -m local.migrate --file "$(FILE)" --ratio "$(RATIO)" --stage "$(or $(STAGE),local)" $(if $(DRY),--dry) $(if $(NEVER),--never) $(if $(WORKERS),--workers "$(WORKERS)")

migrate-bench: environment
	@mkdir -p dist && $(PY) -m local.made_up_members "$(or $(MEMBERS),100000)" dist/members.csv "$$(date +%F)"
	@$(PY) -m local.migrate --file dist/members.csv --ratio 10:1

replay: environment
	@$(PY) -m local.replay $(if $(FILE),--file "$(FILE)") $(if $(CUSTOMERS),--customers "$(CUSTOMERS)")

bench: tools
	@$(PY) -m benchmarks

bench-seckill: tools
	@$(PY) -m benchmarks.seckill "$(or $(UNITS),10000)"

audit: environment
	@$(PY) -m local.audit --stage "$(or $(STAGE),local)" $(if $(MEMBER),--member "$(MEMBER)") $(if $(JSON),--json)

rebuild: environment
	@$(PY) -m local.rebuild --stage "$(or $(STAGE),local)"

daybook: environment
	@$(PY) -m local.daybook --stage "$(or $(STAGE),local)" --month "$(MONTH)" $(if $(FILE),--file "$(FILE)")

redemptions: environment
	@$(PY) -m local.redemptions --stage "$(or $(STAGE),local)" $(if $(MONTH),--month "$(MONTH)") $(if $(FILE),--file "$(FILE)")

draws: tools
	@$(PY) -m pytest -s tests/flows/draws_on_the_cloud.py

drill: tools
	@$(PY) -m local.drill $(if $(ONLY),--only "$(ONLY)")

properties: tools
	@HYPOTHESIS_PROFILE=nightly $(if $(SEED),HYPOTHESIS_SEED="$(SEED)") $(PY) -m pytest -n 2 tests/ledger/test_state_machine.py tests/earning/test_order_arrivals.py

proofs: tools
	@JIFEN_CDNOW=whole JIFEN_CONTEST=whole $(PY) -m pytest -n 2 --dist loadfile tests/replay/test_cdnow_ledger.py tests/insight/test_cdnow_months.py tests/insight/test_cdnow_stages.py tests/flows/test_contest_on_the_cloud.py
