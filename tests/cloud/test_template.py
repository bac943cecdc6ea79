"""The packaged template: what Chalice's decorators cannot say is in it, and what would tie it to a place is not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import Code
from chalicelib.runtime.settings import Settings
from local.package import Package
from local.template import FUNCTION, RESPONSES, Template, for_embedded_cloud, functions, settings

FUNCTIONS = {
    "APIHandler",
    "SettleOrders",
    "SettleRetry",
    "ParkOrders",
    "ReconcileOrders",
    "StartExpiry",
    "ExpireShard",
    "ReleaseHolds",
    "PostAdjustments",
    "SettleBehaviours",
    "HandleInbound",
    "GivePointsBack",
    "GivePaymentGifts",
    "SettleMallPayments",
    "RunSimulation",
    "RemindCheckIns",
    "SendMessages",
    "RecordEntries",
    "RecordRetry",
    "TellWebhooks",
    "DeliverWebhooks",
    "SweepWebhooks",
    "SweepExchanges",
    "SweepRedemptions",
    "CloseDays",
    "SweepOffers",
    "SendDueIssues",
    "CheckCadence",
}
SCHEDULES = {
    "StartExpiry": "cron(5 16 * * ? *)",
    "ReconcileOrders": "cron(35 16 * * ? *)",
    "CloseDays": "cron(50 16 * * ? *)",
    "ReleaseHolds": "rate(5 minutes)",
    "RemindCheckIns": "cron(0 * * * ? *)",
    "SendDueIssues": "rate(1 minute)",
    "SweepOffers": "rate(1 minute)",
    "SweepWebhooks": "rate(1 minute)",
    "SweepExchanges": "rate(1 minute)",
    "SweepRedemptions": "rate(5 minutes)",
    "CheckCadence": "cron(0 1 * * ? *)",
}
ROOT = Path(__file__).parents[2]
ALARM = "AWS::CloudWatch::Alarm"
ZIP_LIMIT_BYTES = 10 * 1024 * 1024


@pytest.fixture(scope="module")
def template(packaged: Package) -> Template:
    return packaged.template


def _event(template: Template, function: str) -> dict[str, Any]:
    ((_, event),) = template["Resources"][function]["Properties"]["Events"].items()
    properties: dict[str, Any] = event["Properties"]
    return properties


def _statements(template: Template) -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, statement)
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
        for policy in resource["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_all_functions_are_there(template: Template) -> None:
    assert set(functions(template)) == FUNCTIONS


def test_every_function_has_every_setting_memory_and_a_role_of_its_own(template: Template) -> None:
    assert {name.lower() for name in settings(template)} == set(Settings.__dataclass_fields__)
    roles = []
    for name in FUNCTIONS:
        properties = template["Resources"][name]["Properties"]
        assert properties["MemorySize"] >= 1024
        assert "Environment" not in properties  # nothing beside what all functions get
        roles.append(properties["Role"]["Fn::GetAtt"][0])
    assert len(set(roles)) == len(FUNCTIONS)


@pytest.mark.parametrize(
    ("function", "table", "failures", "filtered"),
    [
        (
            "SettleOrders",
            "OrdersTable",
            "OrdersStreamFailures",
            {"dynamodb": {"NewImage": {"kind": {"S": ["order"]}}}},
        ),
        ("RecordEntries", "JournalTable", "EntriesStreamFailures", {"eventName": ["INSERT"]}),
        ("TellWebhooks", "JournalTable", "WebhooksStreamFailures", {"eventName": ["INSERT"]}),
    ],
)
def test_a_stream_is_wired_with_all_its_nets(
    template: Template, function: str, table: str, failures: str, filtered: dict[str, Any]
) -> None:
    stream = _event(template, function)
    assert stream["Stream"] == {"Fn::GetAtt": [table, "StreamArn"]}
    assert template["Resources"][table]["Properties"]["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert stream["StartingPosition"] == "TRIM_HORIZON"
    assert stream["BatchSize"] == 100
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert stream["BisectBatchOnFunctionError"] is True
    assert stream["MaximumRetryAttempts"] == 8
    assert stream["ParallelizationFactor"] == 4
    assert stream["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": [failures, "Arn"]}
    (pattern,) = stream["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"]) == filtered


@pytest.mark.parametrize(
    ("function", "queue", "batch"),
    [
        ("SettleRetry", "OrdersRetryQueue", 10),
        ("ParkOrders", "OrdersRetryDeadLetters", 10),
        ("ExpireShard", "ExpiryQueue", 1),
        ("SettleBehaviours", "BehavioursQueue", 10),
        ("HandleInbound", "InboundEventsQueue", 10),
        ("GivePointsBack", "PointsBackQueue", 10),
        ("SettleMallPayments", "MallPaymentsQueue", 5),
        ("GivePaymentGifts", "PaymentGiftsQueue", 5),
        ("PostAdjustments", "AdjustmentsQueue", 1),
        ("RunSimulation", "SimulationsQueue", 1),
        ("RecordRetry", "EntriesRetryQueue", 10),
        ("SendMessages", "RemindersQueue", 10),
        ("DeliverWebhooks", "WebhooksQueue", 1),
    ],
)
def test_queues_report_partial_failure(template: Template, function: str, queue: str, batch: int) -> None:
    event = _event(template, function)
    assert event["Queue"] == {"Fn::GetAtt": [queue, "Arn"]}
    assert event["BatchSize"] == batch
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_queues_are_encrypted_and_give_up_into_dead_letters(template: Template) -> None:
    resources = template["Resources"]
    for name, resource in resources.items():
        if resource["Type"] == "AWS::SQS::Queue":
            assert resource["Properties"]["SqsManagedSseEnabled"] is True, name
    for queue, dead in (
        ("OrdersRetryQueue", "OrdersRetryDeadLetters"),
        ("ExpiryQueue", "ExpiryDeadLetters"),
        ("BehavioursQueue", "BehavioursDeadLetters"),
        ("AdjustmentsQueue", "AdjustmentsDeadLetters"),
        ("SimulationsQueue", "SimulationsDeadLetters"),
        ("EntriesRetryQueue", "EntriesRetryDeadLetters"),
        ("InboundEventsQueue", "InboundEventsDeadLetters"),
        ("PointsBackQueue", "PointsBackDeadLetters"),
        ("MallPaymentsQueue", "MallPaymentsDeadLetters"),
        ("PaymentGiftsQueue", "PaymentGiftsDeadLetters"),
        ("WebhooksQueue", "WebhooksDeadLetters"),
    ):
        redrive = resources[queue]["Properties"]["RedrivePolicy"]
        assert redrive == {"deadLetterTargetArn": {"Fn::GetAtt": [dead, "Arn"]}, "maxReceiveCount": 5}
    assert _event(template, "ExpireShard")["ScalingConfig"] == {"MaximumConcurrency": 40}


def test_a_message_stays_hidden_six_times_as_long_as_its_worker_may_take(template: Template) -> None:
    for function, parameter in (
        ("SettleRetry", "OrdersRetrySeconds"),
        ("ExpireShard", "ExpiryRetrySeconds"),
        ("SettleBehaviours", "OrdersRetrySeconds"),
        ("PostAdjustments", "OrdersRetrySeconds"),
        ("RunSimulation", "ExpiryRetrySeconds"),
        ("RecordRetry", "OrdersRetrySeconds"),
        ("HandleInbound", "OrdersRetrySeconds"),
        ("GivePointsBack", "OrdersRetrySeconds"),
        ("SettleMallPayments", "OrdersRetrySeconds"),
        ("GivePaymentGifts", "OrdersRetrySeconds"),
        ("DeliverWebhooks", "OrdersRetrySeconds"),
    ):
        queue = _event(template, function)["Queue"]["Fn::GetAtt"][0]
        assert template["Resources"][queue]["Properties"]["VisibilityTimeout"] == {"Ref": parameter}
        timeout = template["Resources"][function]["Properties"]["Timeout"]
        assert template["Parameters"][parameter]["Default"] >= 6 * timeout
    parked = template["Resources"]["OrdersRetryDeadLetters"]["Properties"]["VisibilityTimeout"]
    assert parked >= 6 * template["Resources"]["ParkOrders"]["Properties"]["Timeout"]


def test_a_stand_in_for_the_outside_can_only_be_on_the_same_machine(template: Template) -> None:
    parameter = template["Parameters"]["OutsideUrl"]
    assert parameter["Default"] == ""
    allowed = re.compile(parameter["AllowedPattern"])
    for good in ("", "http://127.0.0.1:5620"):
        assert allowed.fullmatch(good)
    for bad in (
        "https://127.0.0.1:5620",
        "http://127.0.0.1.example.com:80",
        "http://127x0y0z1:80",
        "http://example.com",
    ):
        assert not allowed.fullmatch(bad)


def test_schedules_can_be_silenced(template: Template) -> None:
    for function, expression in SCHEDULES.items():
        event = _event(template, function)
        assert event["Schedule"] == expression
        assert event["State"] == {"Ref": "Schedules"}


def test_nobody_may_change_or_scan_what_is_posted(template: Template) -> None:
    journal = {"Fn::GetAtt": ["JournalTable", "Arn"]}
    allowed = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem"}
    seen = set()
    for role, statement in _statements(template):
        actions = set(_list(statement["Action"]))
        assert statement["Effect"] == "Allow"
        assert not [action for action in actions if "*" in action], role
        if "dynamodb:Scan" in actions:
            # A batch outside requests: nothing else may read a table whole.
            assert (role, actions, statement["Resource"]) == ("RunSimulationRole", {"dynamodb:Scan"}, journal)
            continue
        assert "*" not in _list(statement["Resource"]), role
        if journal in _list(statement["Resource"]):
            assert actions <= allowed, role
            seen.add(role)
        if {"Fn::GetAtt": ["LedgerTable", "Arn"]} in _list(statement["Resource"]):
            assert "dynamodb:DeleteItem" not in actions, role
    assert "ApiHandlerRole" in seen
    assert "ExpireShardRole" in seen


@pytest.mark.parametrize(
    ("role", "tables"),
    [
        ("ExpireShardRole", {"LedgerTable", "JournalTable", "ProgrammeTable"}),
        ("StartExpiryRole", set()),
        ("SettleOrdersRole", {"OrdersTable", "LedgerTable", "JournalTable", "ProgrammeTable"}),
        ("SettleBehavioursRole", {"LedgerTable", "JournalTable", "ProgrammeTable", "MembersTable", "RefusalsTable"}),
        ("RunSimulationRole", {"OrdersTable", "JournalTable", "ProgrammeTable", "RefusalsTable"}),
        ("PostAdjustmentsRole", {"LedgerTable", "JournalTable", "ProgrammeTable"}),
        ("ReleaseHoldsRole", {"LedgerTable", "JournalTable", "ProgrammeTable"}),
        ("RemindCheckInsRole", {"MembersTable", "LedgerTable", "ProgrammeTable"}),
        ("SendMessagesRole", {"MembersTable", "ProgrammeTable", "ConnectTable"}),
        ("ParkOrdersRole", {"OrdersTable"}),
        ("RecordEntriesRole", {"JournalTable", "InsightTable", "ProgrammeTable"}),
        ("RecordRetryRole", {"JournalTable", "InsightTable", "ProgrammeTable"}),
        ("CloseDaysRole", {"InsightTable", "LedgerTable", "ProgrammeTable"}),
        ("TellWebhooksRole", {"JournalTable", "WebhooksTable"}),
        ("DeliverWebhooksRole", {"JournalTable", "WebhooksTable"}),
        ("SweepWebhooksRole", {"WebhooksTable"}),
        ("SweepExchangesRole", {"LedgerTable", "JournalTable", "ProgrammeTable", "SpendingTable"}),
        (
            "SweepRedemptionsRole",
            {"LedgerTable", "JournalTable", "ProgrammeTable", "SpendingTable", "ConnectTable"},
        ),
        ("SendDueIssuesRole", {"PublishingTable", "ConnectTable"}),
        ("CheckCadenceRole", {"PublishingTable"}),
        ("HandleInboundRole", {"ConnectTable", "PublishingTable"}),
        ("GivePointsBackRole", {"LedgerTable", "JournalTable", "ProgrammeTable", "SpendingTable"}),
        ("GivePaymentGiftsRole", {"LedgerTable", "MembersTable", "ProgrammeTable", "SpendingTable"}),
        ("SweepOffersRole", {"SpendingTable", "LedgerTable", "JournalTable", "ProgrammeTable"}),
        ("SettleMallPaymentsRole", {"LedgerTable", "JournalTable", "ProgrammeTable", "SpendingTable"}),
    ],
)
def test_a_worker_reaches_its_own_tables_only(template: Template, role: str, tables: set[str]) -> None:
    granted = json.dumps([statement["Resource"] for name, statement in _statements(template) if name == role])
    assert set(re.findall(r"\b(\w+Table)\b", granted)) == tables


def test_no_name_stands_twice_in_what_we_write_of_the_template() -> None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in pairs}) == len(pairs), sorted(name for name, _ in pairs)
        return dict(pairs)

    for path in (ROOT / ".chalice").glob("*.json"):
        json.loads(path.read_text(), object_pairs_hook=once)


def test_what_a_worker_queues_it_may_send(template: Template) -> None:
    sends = {
        (role, queue["Fn::GetAtt"][0])
        for role, statement in _statements(template)
        if "sqs:SendMessage" in _list(statement["Action"])
        for queue in _list(statement["Resource"])
    }
    assert sends == {
        ("StartExpiryRole", "ExpiryQueue"),
        ("ExpireShardRole", "ExpiryQueue"),
        ("ExpireShardRole", "RemindersQueue"),
        ("SettleOrdersRole", "OrdersRetryQueue"),
        ("SettleOrdersRole", "OrdersStreamFailures"),
        ("SettleOrdersRole", "BehavioursQueue"),
        ("SettleOrdersRole", "PointsBackQueue"),
        ("SettleRetryRole", "BehavioursQueue"),
        ("SettleRetryRole", "PointsBackQueue"),
        ("ReconcileOrdersRole", "BehavioursQueue"),
        ("ReconcileOrdersRole", "PointsBackQueue"),
        ("RemindCheckInsRole", "RemindersQueue"),
        ("RecordEntriesRole", "EntriesRetryQueue"),
        ("RecordEntriesRole", "EntriesStreamFailures"),
        ("ApiHandlerRole", "BehavioursQueue"),
        ("ApiHandlerRole", "PointsBackQueue"),
        ("ApiHandlerRole", "AdjustmentsQueue"),
        ("ApiHandlerRole", "SimulationsQueue"),
        ("ApiHandlerRole", "InboundEventsQueue"),
        ("ApiHandlerRole", "MallPaymentsQueue"),
        ("ApiHandlerRole", "PaymentGiftsQueue"),
        ("GivePaymentGiftsRole", "RemindersQueue"),
        ("SweepRedemptionsRole", "RemindersQueue"),
        ("ApiHandlerRole", "WebhooksQueue"),
        ("TellWebhooksRole", "WebhooksQueue"),
        ("TellWebhooksRole", "WebhooksStreamFailures"),
        ("DeliverWebhooksRole", "WebhooksQueue"),
        ("SweepWebhooksRole", "WebhooksQueue"),
    }


def test_events_that_name_orders_and_refunds_that_look_for_them_have_what_they_ask(template: Template) -> None:
    ledger, refusals = ({"Fn::GetAtt": [f"{name}Table", "Arn"]} for name in ("Ledger", "Refusals"))
    granted = {
        (role, action)
        for role, statement in _statements(template)
        for resource in _list(statement["Resource"])
        if resource in (ledger, refusals)
        for action in _list(statement["Action"])
    }
    assert {
        ("SettleBehavioursRole", "dynamodb:ConditionCheckItem"),
        ("SettleBehavioursRole", "dynamodb:GetItem"),
        ("ApiHandlerRole", "dynamodb:GetItem"),
        *(
            (f"{name}Role", "dynamodb:Query")
            for name in ("SettleOrders", "SettleRetry", "ReconcileOrders", "ApiHandler")
        ),
    } <= granted


@pytest.mark.parametrize("role", ["SettleMallPaymentsRole", "SweepRedemptionsRole", "ApiHandlerRole"])
def test_who_settles_a_payment_may_look_for_the_code_that_it_gives(template: Template, role: str) -> None:
    table, index = {"Fn::GetAtt": ["SpendingTable", "Arn"]}, {"Fn::Sub": "${SpendingTable.Arn}/index/work"}
    granted = [
        (resource, action)
        for name, statement in _statements(template)
        if name == role and "Condition" not in statement
        for resource in _list(statement["Resource"])
        for action in _list(statement["Action"])
    ]
    assert (index, "dynamodb:Query") in granted
    assert (table, "dynamodb:BatchGetItem") in granted
    assert (table, "dynamodb:PutItem") in granted


def test_who_puts_an_offers_pieces_back_may_check_that_it_still_stands(template: Template) -> None:
    spending = {"Fn::GetAtt": ["SpendingTable", "Arn"]}
    checking = {
        role
        for role, statement in _statements(template)
        if spending in _list(statement["Resource"]) and "dynamodb:ConditionCheckItem" in _list(statement["Action"])
    }
    assert {"ApiHandlerRole", "SweepOffersRole"} <= checking


def test_who_replaces_a_members_tags_may_check_those_of_his_other_ids(template: Template) -> None:
    members = {"Fn::GetAtt": ["MembersTable", "Arn"]}
    assert [
        statement["Sid"]
        for role, statement in _statements(template)
        if role == "ApiHandlerRole"
        and members in _list(statement["Resource"])
        and "dynamodb:ConditionCheckItem" in _list(statement["Action"])
    ] == ["KeepMembers"]


def test_reminders_wait_a_day_for_a_sender_which_is_ours_only_where_it_is_turned_on(template: Template) -> None:
    queue = template["Resources"]["RemindersQueue"]["Properties"]
    assert template["Parameters"]["SubscribeMessages"]["Default"] == "off"
    assert template["Conditions"]["SendsMessages"] == {"Fn::Equals": [{"Ref": "SubscribeMessages"}, "on"]}
    assert _event(template, "SendMessages")["Enabled"] == {"Fn::If": ["SendsMessages", True, False]}
    assert queue["VisibilityTimeout"] >= 6 * template["Resources"]["SendMessages"]["Properties"]["Timeout"]
    assert (queue["MessageRetentionPeriod"], "RedrivePolicy" in queue) == (86_400, False)
    assert template["Outputs"]["RemindersQueueArn"]["Value"] == {"Fn::GetAtt": ["RemindersQueue", "Arn"]}


def test_reminders_open_no_other_row_of_the_members(template: Template) -> None:
    members = {"Fn::GetAtt": ["MembersTable", "Arn"]}
    rows = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["REMIND#*"]}}
    for role, statement in _statements(template):
        is_reminding = role == "RemindCheckInsRole" or "dynamodb:DeleteItem" in _list(statement["Action"])
        if is_reminding and statement["Resource"] == members:
            assert statement["Condition"] == rows, role


def test_of_the_spending_room_nothing_is_deleted_but_a_badge_that_is_taken_back_and_who_no_longer_waits(
    template: Template,
) -> None:
    spending = {"Fn::GetAtt": ["SpendingTable", "Arn"]}
    deleting = [
        (role, *statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
        for role, statement in _statements(template)
        if spending in _list(statement["Resource"]) and "dynamodb:DeleteItem" in _list(statement["Action"])
    ]
    assert sorted(deleting) == [
        ("ApiHandlerRole", "BADGE#*"),
        ("ApiHandlerRole", "RESTOCK#*"),
        ("SweepRedemptionsRole", "RESTOCK#*", "RESTOCKED"),
    ]


def test_each_sender_reaches_its_own_rows_of_what_outside_systems_are_told(template: Template) -> None:
    rows: dict[str, set[str]] = {}
    for role, statement in _statements(template):
        if {"Fn::GetAtt": ["ConnectTable", "Arn"]} in _list(statement["Resource"]):
            ((_, keys),) = statement["Condition"].items()
            rows.setdefault(role, set()).update(keys["dynamodb:LeadingKeys"])
    assert rows["SendDueIssuesRole"] == rows["SweepRedemptionsRole"] == {"TOKEN#*"}
    assert rows["SendMessagesRole"] == {"TOKEN#*", "GRANT#*", "MESSAGE#*"}
    assert rows["ApiHandlerRole"] == {"TOKEN#*", "GRANT#*", "TAP#*", "MESSAGE#robot:*", "MESSAGE#task:*", "ROBOT#*"}


def test_finance_writes_nothing_to_the_ledger_and_each_role_its_own_rows_of_the_daybook(template: Template) -> None:
    insight = {"RecordEntriesRole", "RecordRetryRole", "CloseDaysRole"}
    written: set[tuple[str, str, str]] = set()
    for role, statement in _statements(template):
        resources = _list(statement["Resource"])
        if role in insight and {"Fn::GetAtt": ["JournalTable", "Arn"]} in resources:
            assert statement["Action"] == ["dynamodb:GetItem"], role
        if role == "CloseDaysRole" and {"Fn::GetAtt": ["LedgerTable", "Arn"]} in resources:
            assert statement["Action"] == ["dynamodb:BatchGetItem"]
            assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["B#*"]}}
        if {"Fn::GetAtt": ["InsightTable", "Arn"]} in resources:
            writes = set(_list(statement["Action"])) - {"dynamodb:Query", "dynamodb:BatchGetItem"}
            ((_, keys),) = statement["Condition"].items() if writes else [(None, {"dynamodb:LeadingKeys": []})]
            written |= {(role, action, key) for action in writes for key in keys["dynamodb:LeadingKeys"]}
    assert written == {
        ("RecordEntriesRole", "dynamodb:BatchWriteItem", "D#*"),
        ("RecordEntriesRole", "dynamodb:UpdateItem", "DAYS"),
        ("RecordEntriesRole", "dynamodb:PutItem", "F#*"),
        ("RecordRetryRole", "dynamodb:BatchWriteItem", "D#*"),
        ("RecordRetryRole", "dynamodb:UpdateItem", "DAYS"),
        ("RecordRetryRole", "dynamodb:PutItem", "F#*"),
        ("CloseDaysRole", "dynamodb:PutItem", "T#*"),
        ("CloseDaysRole", "dynamodb:PutItem", "STAGES"),
        ("CloseDaysRole", "dynamodb:UpdateItem", "DAYS"),
        ("ApiHandlerRole", "dynamodb:PutItem", "CLOSES"),
        ("ApiHandlerRole", "dynamodb:ConditionCheckItem", "CLOSES"),
    }


def test_lines_of_the_log_are_counted_by_alarms(template: Template) -> None:
    filters = [r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::Logs::MetricFilter"]
    counted = {metric["MetricName"] for one in filters for metric in one["MetricTransformations"]}
    alarms = {r["Properties"]["MetricName"] for r in template["Resources"].values() if r["Type"] == ALARM}
    spending = {"RefundsStuck", "ReportsRefused", "ExchangesForPeople", "ExchangeSweepFailures"}
    assert counted == {"TotalsIncomplete", "BudgetNearlySpent", "WebhookDeadLetters", *spending}
    assert counted <= alarms
    groups = {one["LogGroupName"]["Ref"] for one in filters}
    watched = {"CloseDays", "DeliverWebhooks", "TellWebhooks", "SweepRedemptions", "SettleMallPayments"}
    assert groups == {f"{name}LogGroup" for name in (*watched, "SweepExchanges", "ApiHandler")}
    assert groups <= {n for n, r in template["Resources"].items() if r["Type"] == "AWS::Logs::LogGroup"}
    events = {event for one in filters for event in re.findall(r'"(\w+)"', one["FilterPattern"])}
    webhooks = {"webhook_dead_letter", "webhook_endpoint_disabled", "webhook_entry_unreadable"}
    exchanges = {"exchange_uncharged", "exchange_late", "partner_contradicts", "exchange_sweep_failed"}
    mall = {"redemption_refund", "stuck", "redemption_report_refused"}
    assert events == {"totals_incomplete", "closed_month_changed", "budget_alarm", *webhooks, *exchanges, *mall}


def test_a_line_that_an_alarm_counts_is_written_by_the_code(template: Template) -> None:
    filters = [r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::Logs::MetricFilter"]
    named = {event for one in filters for event in re.findall(r'\$\.event = "(\w+)"', one["FilterPattern"])}
    code = "".join(path.read_text() for path in (ROOT / "chalicelib").rglob("*.py"))

    assert [event for event in named if not re.search(rf'log\.(outcome|defect)\(\s*"{event}"', code)] == []


def test_alarms_watch_what_would_go_unseen(template: Template) -> None:
    alarms = {n: r["Properties"] for n, r in template["Resources"].items() if r["Type"] == ALARM}
    assert {f"{name}ErrorsAlarm" for name in FUNCTIONS} <= set(alarms)
    metrics = {(str(alarm["Namespace"]), alarm["MetricName"]) for alarm in alarms.values()}
    assert {("AWS/Lambda", "IteratorAge"), ("AWS/ApiGateway", "5XXError")} <= metrics
    assert alarms["ExpiryDeadLettersAlarm"]["MetricName"] == "ApproximateNumberOfMessagesVisible"
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"]["Fn::If"][0] == "HasAlarmTopic", name
        assert alarm["AlarmDescription"], name


def test_tables_survive_their_stack(template: Template) -> None:
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain", name
            assert resource["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_what_the_gateway_refuses_has_our_shape_and_our_codes(template: Template) -> None:
    answers = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"][RESPONSES]
    assert {"MISSING_AUTHENTICATION_TOKEN", "REQUEST_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"} < set(answers)
    codes = {code.number: code for code in Code}
    for kind, answer in answers.items():
        shape = json.loads(answer["responseTemplates"]["application/json"])
        code = codes[shape["code"]]
        assert shape == {"code": code.number, "msg": code.msg, "data": None, "request_id": "$context.requestId"}, kind
        assert int(answer.get("statusCode", code.http_status)) == code.http_status, kind
    as_resources = for_embedded_cloud(template)["Resources"]
    kinds = {r["Properties"]["ResponseType"] for r in as_resources.values() if r["Type"].endswith("GatewayResponse")}
    assert kinds == set(answers)
    assert template["Resources"]["RestAPI"]["Properties"]["EndpointConfiguration"] == "REGIONAL"


def test_it_names_no_partition_and_no_region(template: Template) -> None:
    text = json.dumps(template)
    assert "placeholder" not in text
    assert not re.findall(r"arn:aws[a-z-]*:", text)
    assert not re.findall(r"\b(?:us|eu|ap|cn|sa|ca|me|af|il)-[a-z]+-\d\b", text)
    assert not re.findall(r"\b\d{12}\b", text)


def test_cfn_lint_finds_nothing_in_either_partition(packaged: Package) -> None:
    """One run for both regions: reading its schemas is what it costs."""
    cfn_lint = str(Path(sys.executable).with_name("cfn-lint"))
    command = [cfn_lint, "--regions", "us-east-1", "cn-north-1", "--", str(packaged.directory / "template.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_zip_is_small_and_holds_no_more_than_lambda_needs(packaged: Package) -> None:
    assert packaged.zip.stat().st_size <= ZIP_LIMIT_BYTES
    with zipfile.ZipFile(packaged.zip) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {"app.py", "chalicelib", "chalice", "pydantic", "cryptography", "defusedxml"} <= tops
    assert not tops & {
        "cffi",
        "pycparser",
        "boto3",
        "botocore",
        "tests",
        "local",
        "benchmarks",
        "pytest",
        "moto",
        "ministack",
    }
    assert {r["Properties"]["CodeUri"] for r in packaged.template["Resources"].values() if r["Type"] == FUNCTION} == {
        "./deployment.zip"
    }
