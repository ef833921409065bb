"""Who may see drafts: every address of the database that asks for one is held to the permission table here.

Trust boundary: a draft is shown by `release=draft:<id>` on the pages of the explorer. For whoever may not preview it,
such an address is not there at all; for whoever may, no answer to it is kept by any cache or search engine.
`?draft=<id>` is the short way to write it.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from regional_hub.core.access import may

Handler = Callable[[HttpRequest], HttpResponse]
SHORT, RELEASE, MARK = "draft", "release", "draft:"
KEPT_HEADERS = ("ETag", "Last-Modified", "Expires")


def previews(handle: Handler) -> Handler:
    """Middleware: hide drafts from all but those who may preview them, and keep what they see out of caches."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/sdg/"):
            return handle(request)
        asked = next((text for text in request.GET.getlist(RELEASE) if text.startswith(MARK)), "")
        if not asked and SHORT not in request.GET:
            return handle(request)
        if not may(request.user, "preview", "sdg draft"):
            raise Http404
        if SHORT in request.GET and request.method in ("GET", "HEAD"):
            response: HttpResponse = HttpResponseRedirect(_long(request))
        else:
            request.sdg_draft = asked.removeprefix(MARK).partition(".")[0]
            response = handle(request)
        return _kept_nowhere(response)

    return middleware


def _long(request: HttpRequest) -> str:
    """The address with the draft as its release."""
    parameters = request.GET.copy()
    parameters[RELEASE] = MARK + parameters.pop(SHORT)[-1]
    return f"{request.path}?{parameters.urlencode(safe=':+*')}"


def _kept_nowhere(response: HttpResponse) -> HttpResponse:
    for name in KEPT_HEADERS:
        if name in response.headers:
            del response.headers[name]
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
