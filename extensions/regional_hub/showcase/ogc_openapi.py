"""The OpenAPI 3.0 description of the API of methods, with an operation for each process that its reader may run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from regional_hub.showcase.ogc_documents import JSON, Process

PROBLEM = "application/problem+json"
_TEXT: dict[str, Any] = {"type": "string"}
_LINK = {
    "type": "object",
    "required": ["href"],
    "properties": {"href": _TEXT, "rel": _TEXT, "type": _TEXT, "title": _TEXT},
}
_TIME = {"type": "string", "format": "date-time"}
STATES = ["accepted", "running", "successful", "failed", "dismissed"]


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMAS: dict[str, Any] = {
    "link": _LINK,
    "landingPage": {
        "type": "object",
        "required": ["links"],
        "properties": {"title": _TEXT, "description": _TEXT, "links": _list(_ref("link"))},
    },
    "confClasses": {"type": "object", "required": ["conformsTo"], "properties": {"conformsTo": _list(_TEXT)}},
    "processSummary": {
        "type": "object",
        "required": ["id", "version"],
        "properties": {
            "id": _TEXT,
            "version": _TEXT,
            "title": _TEXT,
            "description": _TEXT,
            "keywords": _list(_TEXT),
            "jobControlOptions": _list({"type": "string", "enum": ["sync-execute", "async-execute", "dismiss"]}),
            "outputTransmission": _list({"type": "string", "enum": ["value", "reference"]}),
            "links": _list(_ref("link")),
        },
    },
    "processList": {
        "type": "object",
        "required": ["processes", "links"],
        "properties": {"processes": _list(_ref("processSummary")), "links": _list(_ref("link"))},
    },
    "process": {
        "allOf": [
            _ref("processSummary"),
            {"type": "object", "properties": {"inputs": {"type": "object"}, "outputs": {"type": "object"}}},
        ]
    },
    "statusInfo": {
        "type": "object",
        "required": ["jobID", "status", "type"],
        "properties": {
            "processID": _TEXT,
            "type": {"type": "string", "enum": ["process"]},
            "jobID": _TEXT,
            "status": {"type": "string", "enum": STATES},
            "message": _TEXT,
            "created": _TIME,
            "started": _TIME,
            "finished": _TIME,
            "updated": _TIME,
            "progress": {"type": "integer", "minimum": 0, "maximum": 100},
            "links": _list(_ref("link")),
        },
    },
    "exception": {
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "instance": _TEXT,
        },
    },
}


def _answers(name: str, *, status: str = "200", faults: Sequence[str] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {status: {"description": "OK", "content": {JSON: {"schema": _ref(name)}}}}
    for each in faults:
        found[each] = {"description": "Exception", "content": {PROBLEM: {"schema": _ref("exception")}}}
    return found


def _get(text: str, name: str, *parameters: dict[str, Any], faults: Sequence[str] = ("400",)) -> dict[str, Any]:
    return {"get": {"summary": text, "parameters": list(parameters), "responses": _answers(name, faults=faults)}}


def _number(name: str, minimum: int, maximum: int, default: int) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": minimum, "maximum": maximum, "default": default}
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _place(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}


def _execution(one: Process) -> dict[str, Any]:
    inputs = {each["name"]: each["schema"] for each in one.method.parameters}
    schema = {
        "type": "object",
        "properties": {
            "inputs": {"type": "object", "properties": inputs},
            "outputs": {
                "type": "object",
                "properties": {each["id"]: {"type": "object"} for each in one.method.outputs},
            },
            "response": {"type": "string", "enum": ["raw", "document"], "default": "raw"},
        },
    }
    return {
        "post": {
            "summary": one.title,
            "description": one.text,
            "operationId": f"execute-{one.id}",
            "requestBody": {"required": True, "content": {JSON: {"schema": schema}}},
            "responses": _answers("statusInfo", status="201", faults=("400", "404", "413", "415", "422", "429", "503")),
        }
    }


def document(base: str, name: str, processes: Sequence[Process]) -> dict[str, Any]:
    """The whole description; `base` is the address of the landing page without its slash."""
    job = _get("Status of a job", "statusInfo", _place("jobID"), faults=("400", "404"))
    job["delete"] = {
        "summary": "End a job, or throw its results away",
        "parameters": [_place("jobID")],
        "responses": _answers("statusInfo", faults=("404",)),
    }
    results = {"200": {"description": "Results", "content": {JSON: {}, "*/*": {}}}, "204": {"description": "By links"}}
    results |= _answers("exception", status="404", faults=("404", "410", "500"))
    paths: dict[str, Any] = {
        "/": _get("Landing page", "landingPage"),
        "/conformance": _get("What this conforms to", "confClasses"),
        "/processes": _get("Processes", "processList", _number("limit", 1, 1000, 10), _number("offset", 0, 100_000, 0)),
        "/processes/{processID}": _get("One process", "process", _place("processID"), faults=("400", "404")),
        **{f"/processes/{one.id}/execution": _execution(one) for one in processes},
        "/jobs/{jobID}": job,
        "/jobs/{jobID}/results": {
            "get": {"summary": "Results of a job", "parameters": [_place("jobID")], "responses": results}
        },
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": name, "version": "1.0.0"},
        "servers": [{"url": base}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}},
        },
    }
