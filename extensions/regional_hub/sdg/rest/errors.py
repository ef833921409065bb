"""What can be wrong with a request, as SDMX REST says it: HTTP status, SDMX code, and words in English and Chinese.

Standard: SDMX REST 2.2.2, "Error handling and status information"; 1.5.0, section 4.7. The two differ: what is
meaningless is 422 in version 2 and 403 in version 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from xml.sax.saxutils import escape

V21 = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1/"


class Fault(Exception):
    """A request that is not answered with data; `code` is the SDMX code and decides the status."""

    code = 500
    status = 500
    status_v1 = 500
    headers: Mapping[str, str] = {}

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.text = {"en": en, "zh": zh}


class NoResults(Fault):
    """There is such a thing, but nothing in it meets the query; version 2 answers with 204."""

    code, status, status_v1 = 100, 204, 404


class NotThere(Fault):
    """The artefact or the address itself is not there."""

    code, status, status_v1 = 100, 404, 404


class SyntaxFault(Fault):
    """The URL does not follow the grammar."""

    code, status, status_v1 = 140, 400, 400


class Meaningless(Fault):
    """The URL follows the grammar, but asks for what the structure does not have."""

    code, status, status_v1 = 150, 422, 403


class NotAcceptable(Fault):
    """No message is written in any of the formats that the client takes."""

    code, status, status_v1 = 140, 406, 406


class TooLong(Fault):
    """The URL is longer than is read."""

    code, status, status_v1 = 140, 414, 414


class TooLarge(Fault):
    """The answer would be larger than is given at once."""

    code, status, status_v1 = 510, 413, 413


class WrongMethod(Fault):
    """Neither GET nor HEAD."""

    code, status, status_v1 = 140, 405, 405
    headers = {"Allow": "GET, HEAD, OPTIONS"}


class NotOffered(Fault):
    """Part of the standard that is not offered here."""

    code, status, status_v1 = 501, 501, 501


class Busy(Fault):
    """Too many requests at once, or one that took too long."""

    code, status, status_v1 = 503, 503, 503
    headers = {"Retry-After": "5"}


class TooMany(Busy):
    """One client asks for too much at once."""

    status, status_v1 = 429, 429


def as_json(fault: Fault, languages: tuple[str, ...]) -> bytes:
    """An SDMX-JSON 2.0 message that holds nothing but the error."""
    language = _language(languages)
    error = {"code": fault.code, "title": TITLES[fault.code][language], "detail": fault.text[language]}
    meta = {"id": "ERROR", "prepared": "1970-01-01T00:00:00Z", "sender": {"id": "REGIONAL_HUB"}}
    said = {"meta": meta | {"contentLanguages": [language]}, "errors": [error]}
    return json.dumps(said, ensure_ascii=False).encode()


def as_xml(fault: Fault, languages: tuple[str, ...]) -> bytes:
    """An SDMX-ML 2.1 error message."""
    language = _language(languages)
    texts = (TITLES[fault.code][language], fault.text[language])
    spoken = "".join(f'<com:Text xml:lang="{language}">{escape(_sayable(text))}</com:Text>' for text in texts)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<mes:Error xmlns:mes="{V21}message" xmlns:com="{V21}common">'
        f'<mes:ErrorMessage code="{fault.code}">{spoken}</mes:ErrorMessage></mes:Error>\n'
    ).encode()


def _sayable(text: str) -> str:
    """Text without the characters that XML cannot say."""
    return "".join(c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff") else "\ufffd" for c in text)


def _language(languages: tuple[str, ...]) -> str:
    for language in languages:
        if language.split("-")[0].lower() in ("en", "zh"):
            return language.split("-")[0].lower()
    return "en"


TITLES = {
    100: {"en": "No results found", "zh": "没有结果"},
    140: {"en": "Syntax error", "zh": "语法错误"},
    150: {"en": "Semantic error", "zh": "语义错误"},
    500: {"en": "Internal server error", "zh": "服务器内部错误"},
    501: {"en": "Not implemented", "zh": "未实现"},
    503: {"en": "Service unavailable", "zh": "服务暂不可用"},
    510: {"en": "Response size exceeds service limit", "zh": "结果超出服务限额"},
}
