"""What the Showcase's API says when something is wrong: a code for programs, and the text in both languages."""

from __future__ import annotations

from typing import Any

from ninja.errors import AuthenticationError, HttpError, ValidationError

from regional_hub.core.permissions import NotAllowed
from regional_hub.showcase.about import BadAbout
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.bundle_faults import BundleError

MISSING = {"no-publication", "no-revision"}
TOO_LARGE = {"too-large", "file-too-large", "notebook-too-large", "too-many-files"}


class Fault(Exception):
    """An error of the API itself."""

    def __init__(self, status: int, code: str, en: str, zh: str, where: str = "") -> None:
        super().__init__(en)
        self.status, self.code, self.en, self.zh, self.where = status, code, en, zh, where


def fault_of(error: Exception) -> Fault:
    """The same for whatever an action raised."""
    match error:
        case Fault():
            return error
        case Problem():
            status = 404 if error.code in MISSING else 422
            return Fault(status, error.code, error.in_language("en"), error.in_language("zh-hans"))
        case BundleError():
            return Fault(413 if error.code in TOO_LARGE else 422, error.code, str(error), error.zh, error.where)
        case BadAbout():
            return Fault(422, "bad-field", str(error), error.zh, error.field)
        case NotAllowed():
            return Fault(403, "not-allowed", "you may not do this", "您无权执行此操作")
        case AuthenticationError():
            return Fault(401, "sign-in", "sign in, or send the token of your Lab", "请登录，或发送您的 Lab 令牌")
        case ValidationError():
            first = error.errors[0]
            name = str(first["loc"][-1])
            return Fault(422, "bad-request", f"{name}: {first['msg']}", f"“{name}”无效：{first['msg']}", name)
        case HttpError():  # ninja's own: CSRF, and bodies that cannot be read
            code = "csrf" if "CSRF" in str(error) else "bad-request"
            return Fault(
                error.status_code, code, str(error), "请求无效" if code != "csrf" else "CSRF 校验失败，请刷新页面"
            )
    raise error


def body(fault: Fault) -> dict[str, Any]:
    return {"error": {"code": fault.code, "en": fault.en, "zh": fault.zh, "where": fault.where}}
