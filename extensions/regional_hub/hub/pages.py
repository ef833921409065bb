"""Language and look of the pages that JupyterHub itself shows. JupyterHub has neither translations nor hooks for them.

`install(c, settings)` is all that the configuration calls. The language travels with each request as a template
variable: no global state, so requests in different languages can be rendered at the same time.
"""

from __future__ import annotations

import hashlib
from functools import cache, wraps
from typing import Any

from jinja2 import Environment, pass_context
from jinja2.ext import InternationalizationExtension
from jinja2.runtime import Context
from jupyterhub import handlers
from jupyterhub.apihandlers.users import SpawnProgressAPIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.pages import ProxyErrorHandler
from tornado import web

from regional_hub.hub import words
from regional_hub.settings import ROOT, Settings

TEMPLATES = ROOT / "hub_config" / "templates"
ASSETS = TEMPLATES / "assets"
# The theme lies with the portal's static files. The Hub serves it too: its pages then look right whether or not the
# portal runs, and whatever name the portal's collected files have at the moment.
THEME = ROOT / "extensions" / "regional_hub" / "core" / "static" / "regional_hub" / "theme.css"
HOME = "/servers/"
YEAR_DAYS = 365


def language_of(handler: BaseHandler) -> str | None:
    """The language that the reader asks for; None when the request says nothing, as the proxy's for error pages."""
    cookie = handler.request.cookies.get(words.COOKIE)
    return words.asked_for(
        cookie.value if cookie else None,
        handler.request.headers.get("Accept-Language"),
        handler.settings["template_vars"]["languages"],
    )


# ---------------------------------------------------------------- in templates


def _language(context: Context) -> str:
    return str(context.get("language", words.ENGLISH))


@pass_context
def _gettext(context: Context, message: str) -> str:
    return words.gettext(message, _language(context))


@pass_context
def _ngettext(context: Context, singular: str, plural: str, count: int) -> str:
    return words.ngettext(singular, plural, count, _language(context))


@pass_context
def _reword(context: Context, message: Any) -> str | None:
    return words.reword(str(message), _language(context)) if message else ""


@cache
def asset(name: str) -> str:
    """Address of a file of the Hub's pages; it changes with the file, so that browsers may keep it for good."""
    place = THEME if name == THEME.name else ASSETS / name
    return f"/hub/assets/{name}?v={hashlib.sha256(place.read_bytes()).hexdigest()[:12]}"


class InTheReadersLanguage(InternationalizationExtension):
    """`_()`, `ngettext()` and the filter `reword`, which follow the variable `language` of the page being rendered."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
        environment.filters["reword"] = _reword
        environment.globals["asset"] = asset


# ---------------------------------------------------------------- pages of our own


class ToPortal(web.RequestHandler):
    """The Hub's home page is the portal's page of servers."""

    def get(self) -> None:
        self.redirect(HOME)


class LanguageHandler(BaseHandler):
    """Remember a language for portal and Hub alike, and go back."""

    def get(self, language: str) -> None:
        if language not in self.settings["template_vars"]["languages"]:
            raise web.HTTPError(404)
        self.set_cookie(
            words.COOKIE,
            language,
            path="/",
            expires_days=YEAR_DAYS,
            samesite="Lax",
            secure=self.settings["template_vars"]["secure"],
        )
        self.redirect(self._validate_next_url(self.get_argument("next", "")) or HOME)


HANDLERS: list[tuple[Any, ...]] = [
    (r"/home", ToPortal),
    (r"/language/([a-z-]+)", LanguageHandler),
    (rf"/assets/({THEME.name})", web.StaticFileHandler, {"path": THEME.parent}),
    (r"/assets/([a-z_]+\.js)", web.StaticFileHandler, {"path": ASSETS}),
]


# ---------------------------------------------------------------- JupyterHub's handlers


def _policy(handler: BaseHandler) -> str:
    """Nothing but this site's own files; no inline script or style anywhere in our templates."""
    return "; ".join(
        [
            "default-src 'self'",
            "img-src 'self' data:",
            "object-src 'none'",
            "base-uri 'self'",
            "frame-ancestors 'none'",
            f"report-uri {handler.csp_report_uri}",
        ]
    )


def _page_variables(handler: BaseHandler) -> dict[str, Any]:
    offered = handler.settings["template_vars"]["languages"]
    language = language_of(handler)
    others = [other for other in offered if other != offered[0]]
    from_proxy = isinstance(handler, ProxyErrorHandler)
    return {
        "language": language or offered[0],
        "second_language": others[0] if language is None and others else None,
        "viewer": handler.current_user,
        "here": handler.get_argument("url", HOME) if from_proxy else handler.request.uri,
    }


def _teach_handlers() -> None:
    """Every page of JupyterHub gets the reader's language, every progress event both. Once per process."""
    if getattr(BaseHandler, "_regional_hub_speaks", False):
        return
    render_template, send_event = BaseHandler.render_template, SpawnProgressAPIHandler.send_event

    @wraps(render_template)
    def render_in_language(self: BaseHandler, name: str, sync: bool = False, **variables: Any) -> Any:
        page = _page_variables(self)
        self.set_header("Content-Language", "zh-Hans" if page["language"] == words.CHINESE else "en")
        self.add_header("Vary", "Accept-Language, Cookie")
        self.set_header("Content-Security-Policy", _policy(self))
        return render_template(self, name, sync, **{**page, **variables})

    @wraps(send_event)
    async def send_in_both_languages(self: SpawnProgressAPIHandler, event: dict[str, Any]) -> None:
        await send_event(self, words.bilingual(event))

    BaseHandler.render_template = render_in_language
    SpawnProgressAPIHandler.send_event = send_in_both_languages
    handlers.default_handlers[:0] = HANDLERS  # before JupyterHub's own /home
    BaseHandler._regional_hub_speaks = True


def install(c: Any, settings: Settings) -> None:
    """Give the Hub configured by `c` our pages. Raises OSError when the translations or templates are not there."""
    words.catalog()
    asset(THEME.name)
    hub = c.JupyterHub
    hub.template_paths = [str(TEMPLATES)]
    hub.jinja_environment_options = {"extensions": [InTheReadersLanguage]}
    hub.template_vars = {
        "site_name": settings.site.name,
        "site_name_zh": settings.site.name_zh,
        "support_email": settings.site.support_email,
        "languages": list(settings.site.languages),
        "secure": settings.secure,
    }
    hub.default_url = HOME
    _teach_handlers()
