"""OGC API - Processes, part 1: core (OGC 18-062r2) as documents. Plain Python: it knows neither HTTP nor who may what.

A process is a method of the Showcase, a job is a run of one. Texts are in the language that the caller gives.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from regional_hub.showcase import method_run
from regional_hub.showcase.method_run import Method

SPEC = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
CONFORMS = [f"{SPEC}{name}" for name in ("core", "ogc-process-description", "json", "oas30", "dismiss")]
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
FAULT = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
JSON, HTML = "application/json", "text/html"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
TEXTS = ("text/", "application/json", "application/geo+json", "application/x-ipynb+json")
MOST_REFERENCE = 100_000


class Exceptional(Exception):
    """An answer that is an exception: status, type, and what happened in both languages."""

    def __init__(self, status: int, en: str, zh: str, kind: str = "about:blank", **more: Any) -> None:
        super().__init__(en)
        self.status, self.en, self.zh, self.kind, self.more = status, en, zh, kind, more

    def document(self, language: str) -> dict[str, Any]:
        """As RFC 7807 has it."""
        detail = self.zh if language.startswith("zh") else self.en
        name = self.kind.rpartition("/")[2] if self.kind.startswith(FAULT) else "about:blank"
        title = name.replace("-", " ") if name != "about:blank" else _TITLES.get(self.status, "Error")
        return {"type": self.kind, "title": title, "status": self.status, "detail": detail, **self.more}


_TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}
_TITLES |= {406: "Not Acceptable", 410: "Gone", 413: "Content Too Large", 415: "Unsupported Media Type"}
_TITLES |= {422: "Unprocessable Content", 429: "Too Many Requests", 500: "Error", 503: "Service Unavailable"}


@dataclass(frozen=True)
class Process:
    """A method as a process: `id` is its slug, `version` the revision's number, `page` its form."""

    id: str
    version: str
    title: str
    text: str
    tags: Sequence[str]
    page: str
    method: Method


@dataclass(frozen=True)
class Job:
    """A run as a job; times are aware."""

    id: str
    process: str
    state: str
    message: str
    page: str
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True)
class Asked:
    """What an execute request wants of the results, as it stands in a run."""

    response: str = "raw"
    outputs: dict[str, str] = field(default_factory=dict)  # id -> value or reference; empty: all by value


def link(href: str, rel: str, kind: str = JSON, title: str = "") -> dict[str, str]:
    return {"href": href, "rel": rel, "type": kind} | ({"title": title} if title else {})


def landing(base: str, name: str, text: str) -> dict[str, Any]:
    links = [
        link(f"{base}/", "self"),
        link(f"{base}/?f=html", "alternate", HTML),
        link(f"{base}/api", "service-desc", OPENAPI),
        link(f"{base}/api?f=html", "service-doc", HTML),
        link(f"{base}/conformance", f"{REL}conformance"),
        link(f"{base}/conformance", "conformance"),
        link(f"{base}/processes", f"{REL}processes"),
    ]
    return {"title": name, "description": text, "links": links}


def summary(base: str, one: Process) -> dict[str, Any]:
    """What a list says of a process."""
    place = f"{base}/processes/{one.id}"
    return {
        "id": one.id,
        "version": one.version,
        "title": one.title,
        "description": one.text,
        "keywords": list(one.tags),
        "jobControlOptions": ["async-execute", "dismiss"],
        "outputTransmission": ["value", "reference"],
        "links": [link(place, "self"), link(one.page, "alternate", HTML), link(f"{place}/execution", f"{REL}execute")],
    }


def description(base: str, one: Process, language: str) -> dict[str, Any]:
    """A process with its inputs and outputs (requirements class "OGC process description")."""
    inputs = {each["name"]: _input(each, language) for each in one.method.parameters}
    outputs = {each["id"]: _output(each, language) for each in one.method.outputs}
    return {**summary(base, one), "inputs": inputs, "outputs": outputs}


def _said(one: Mapping[str, Any], language: str, name: str) -> str:
    chinese = one.get(f"{name}_zh") if language.startswith("zh") else ""
    return str(chinese or one.get(name) or "")


def _input(one: Mapping[str, Any], language: str) -> dict[str, Any]:
    text = _said(one, language, "description")
    unit = [f"[{one['unit']}]"] if one["unit"] else []
    return {
        "title": _said(one, language, "title") or one["name"],
        "description": " ".join([*([text] if text else []), *unit]),
        "minOccurs": 0,
        "maxOccurs": 1,
        "schema": one["schema"],
    }


def _output(one: Mapping[str, Any], language: str) -> dict[str, Any]:
    kind = method_run.media_type(one["file"])
    schema: dict[str, Any] = {"contentMediaType": kind}
    if kind != JSON:
        schema = {"type": "string", **schema} | ({} if is_text(kind) else {"contentEncoding": "base64"})
    return {"title": _said(one, language, "title") or one["id"], "schema": schema}


def is_text(kind: str) -> bool:
    return kind.startswith(TEXTS)


def status(base: str, job: Job) -> dict[str, Any]:
    """The status of a job (`statusInfo`)."""
    place = f"{base}/jobs/{job.id}"
    links = [link(place, "self"), link(job.page, "alternate", HTML)]
    if job.state == "successful":
        links.append(link(f"{place}/results", f"{REL}results"))
    times = {"created": job.created, "started": job.started, "finished": job.ended, "updated": job.ended or job.started}
    found: dict[str, Any] = {"jobID": job.id, "processID": job.process, "type": "process", "status": job.state}
    found |= {name: at.isoformat() for name, at in times.items() if at is not None}
    if job.state in ("successful", "failed"):
        found["progress"] = 100
    return found | ({"message": job.message} if job.message else {}) | {"links": links}


# -- what comes in -----------------------------------------------------------------------------------------------------


def execute_request(body: bytes, method: Method) -> tuple[dict[str, Any], Asked]:
    """The values and wishes of an execute request. Raises Exceptional, which names what nobody knows."""
    try:
        sent = method_run.read_json(body)
    except (ValueError, RecursionError):
        raise Exceptional(400, "the body is not JSON", "请求体不是 JSON") from None
    if not isinstance(sent, dict):
        raise Exceptional(400, "the body is not an object", "请求体不是对象")
    if "subscriber" in sent:
        raise Exceptional(
            400, "subscriber: callbacks are not offered; ask the job", "subscriber：不提供回调，请查询任务状态"
        )
    for name in sent.keys() - {"inputs", "outputs", "response"}:
        known = "inputs, outputs, response"
        raise Exceptional(400, f"{name[:60]}: not known; there are: {known}", f"{name[:60]}：未知；可用：{known}")
    inputs = sent.get("inputs", {})
    if not isinstance(inputs, dict):
        raise Exceptional(400, "inputs is not an object", "inputs 不是对象")
    response = sent.get("response", "raw")
    if response not in ("raw", "document"):
        raise Exceptional(400, "response is raw or document", "response 只能是 raw 或 document")
    values = {name: _given(name, value) for name, value in inputs.items()}
    return values, Asked(response, _wanted(sent.get("outputs", {}), method))


def _given(name: str, value: Any) -> Any:
    """An input in line, as a qualified value, or by a reference that carries its content (RFC 2397)."""
    if not isinstance(value, dict):
        return value
    if "href" in value:
        return _referred(name, str(value["href"]))
    if "value" in value and value.get("mediaType", JSON) == JSON:
        return value["value"]
    raise Exceptional(
        400, f"{name}: neither a value, nor {{value}}, nor {{href}}", f"{name}：须为值、{{value}} 或 {{href}}"
    )


def _referred(name: str, href: str) -> Any:
    """Only `data:` is followed: the hub fetches nothing for strangers."""
    head, comma, content = href.partition(",")
    if not head.startswith("data:") or not comma or len(href) > MOST_REFERENCE:
        raise Exceptional(
            400,
            f"{name}: the hub fetches nothing; a reference is a data: address with JSON",
            f"{name}：平台不抓取外部内容；引用须为含 JSON 的 data: 地址",
        )
    try:
        data = unquote_to_bytes(content)
        return method_run.read_json(base64.b64decode(data, validate=True) if head.endswith(";base64") else data)
    except (ValueError, RecursionError, binascii.Error):
        raise Exceptional(400, f"{name}: the data: address is not JSON", f"{name}：data: 地址的内容不是 JSON") from None


def _wanted(outputs: Any, method: Method) -> dict[str, str]:
    if not isinstance(outputs, dict):
        raise Exceptional(400, "outputs is not an object", "outputs 不是对象")
    files = {one["id"]: one["file"] for one in method.outputs}
    found = {}
    for name, how in outputs.items():
        if name not in files:
            known = ", ".join(files)
            raise Exceptional(
                400, f"{name[:60]}: no such output; there are: {known}", f"没有输出 {name[:60]}；可用：{known}"
            )
        how = how if isinstance(how, dict) else {}
        mode = how.get("transmissionMode", "value")
        kind = (how.get("format") or {}).get("mediaType") if isinstance(how.get("format"), dict) else None
        if mode not in ("value", "reference"):
            raise Exceptional(
                400, f"{name}: transmissionMode is value or reference", f"{name}：只能是 value 或 reference"
            )
        if kind and kind != method_run.media_type(files[name]):
            only = method_run.media_type(files[name])
            raise Exceptional(400, f"{name}: its format is {only}", f"{name}：格式为 {only}")
        found[name] = mode
    return found


# -- what goes out -----------------------------------------------------------------------------------------------------


def value(data: bytes, kind: str) -> Any:
    """An output in line: JSON as it is, an object and everything else as a qualified value."""
    if kind == JSON:
        found = json.loads(data)
        return {"value": found, "mediaType": kind} if isinstance(found, dict) else found
    if is_text(kind):
        return {"value": data.decode("utf-8", "replace"), "mediaType": kind}
    return {"value": base64.b64encode(data).decode(), "mediaType": kind, "encoding": "base64"}


def multipart(parts: Sequence[tuple[str, str, bytes]], boundary: str) -> bytes:
    """multipart/related (RFC 2387) of (id, media type, content): each part is named by its Content-ID."""
    made = b""
    for name, kind, data in parts:
        head = f"--{boundary}\r\nContent-Type: {kind}\r\nContent-ID: <{name}>\r\nContent-Length: {len(data)}\r\n\r\n"
        made += head.encode() + data + b"\r\n"
    return made + f"--{boundary}--\r\n".encode()
