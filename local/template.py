"""What repeats for every function and setting, added to the template that Chalice packaged.

`.chalice/resources.json` says what differs; a new function or setting gets its alarm and its output from here, so that
none is forgotten. Pure: a template goes in, a template comes out.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

Template = dict[str, Any]
FUNCTION = "AWS::Serverless::Function"
BATCHED = ("sqs:SendMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")
RESPONSES = "x-amazon-apigateway-gateway-responses"


def complete(packaged: Mapping[str, Any]) -> Template:
    """The deployable template: an alarm on the errors of each function, outputs for each function and setting."""
    template: Template = copy.deepcopy(dict(packaged))
    resources: dict[str, Any] = template["Resources"]
    outputs: dict[str, Any] = template["Outputs"]
    for name in functions(template):
        resources[f"{name}ErrorsAlarm"] = _errors_alarm(name)
        outputs[f"{name}Function"] = {"Value": {"Ref": name}}
    for variable, value in settings(template).items():
        outputs[setting_output(variable)] = {"Value": value}
    return template


def functions(template: Mapping[str, Any]) -> list[str]:
    """The logical names of all functions."""
    return [name for name, resource in template["Resources"].items() if resource["Type"] == FUNCTION]


def settings(template: Mapping[str, Any]) -> dict[str, Any]:
    """The environment every function gets."""
    variables: dict[str, Any] = template["Globals"]["Function"]["Environment"]["Variables"]
    return variables


def setting_output(variable: str) -> str:
    """The output that carries a setting: LEDGER_TABLE as SettingLedgerTable."""
    return "Setting" + "".join(word.capitalize() for word in variable.split("_"))


def function_output(handler: str) -> str:
    """The output that carries a function's name: settle_orders as SettleOrdersFunction."""
    return "".join(word.capitalize() for word in handler.split("_")) + "Function"


def with_code(template: Mapping[str, Any], bucket: str, key: str) -> Template:
    """The template with its functions' code in S3 instead of beside it."""
    deployable = copy.deepcopy(dict(template))
    for name in functions(deployable):
        deployable["Resources"][name]["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    return deployable


def for_embedded_cloud(template: Mapping[str, Any]) -> Template:
    """The template with what MiniStack understands otherwise than AWS; nothing else may differ.

    It reads no gateway responses out of an API definition: there they must be resources of their own. (On AWS the
    definition is the right place: a deployment made before such a resource would not have it.)
    It wants a queue's batch actions granted by name, which AWS does not know: there the single ones cover them.
    """
    local = copy.deepcopy(dict(template))
    for resource in local["Resources"].values():
        if resource["Type"] == "AWS::IAM::Role":
            for policy in resource["Properties"]["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    statement["Action"] = _with_batch_actions(statement["Action"])
    for kind, answer in local["Resources"]["RestAPI"]["Properties"]["DefinitionBody"][RESPONSES].items():
        properties = {
            "RestApiId": {"Ref": "RestAPI"},
            "ResponseType": kind,
            "ResponseParameters": answer["responseParameters"],
            "ResponseTemplates": answer["responseTemplates"],
        }
        if "statusCode" in answer:
            properties["StatusCode"] = answer["statusCode"]
        name = "Answer" + kind.title().replace("_", "")
        local["Resources"][name] = {"Type": "AWS::ApiGateway::GatewayResponse", "Properties": properties}
    return local


def _with_batch_actions(actions: str | list[str]) -> list[str]:
    single = [actions] if isinstance(actions, str) else actions
    return [*single, *(f"{action}Batch" for action in single if action in BATCHED)]


def dump(template: Mapping[str, Any]) -> str:
    return json.dumps(template, ensure_ascii=False, separators=(",", ":"))


def _errors_alarm(function: str) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": f"{function} raised errors",
            "Namespace": "AWS/Lambda",
            "MetricName": "Errors",
            "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": function}}],
            "Statistic": "Sum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopic"}], {"Ref": "AWS::NoValue"}]},
        },
    }
