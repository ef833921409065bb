"""The stewards' desk: files come in, and how the work on them goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from regional_hub.core.access import requires
from regional_hub.core.actions import Refused
from regional_hub.sdg import actions
from regional_hub.sdg.desk.inbox import File, Inbox, UnknownUpload, Upload, clean
from regional_hub.sdg.forms import UploadForm

MEGABYTE = 1 << 20
# What a form says beside its files.
FORM_BYTES = 64 << 10


class ToDisk(FileUploadHandler):
    """Writes each file to the inbox as it arrives, under a number; stops where the limit is passed."""

    def __init__(self, request: HttpRequest, folder: Path, limit: int) -> None:
        super().__init__(request)
        self.folder, self.limit = folder, limit
        self.files: list[File] = []
        self.written = 0
        self.too_large = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.place = self.folder / f"{len(self.files) + 1:05}"
        self.file = self.place.open("xb")
        self.size = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.written += len(raw_data)
        self.size += len(raw_data)
        if self.written > self.limit:
            self.too_large = True
            self.file.close()
            raise StopUpload(connection_reset=True)
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        self.file.close()
        self.files.append(File(self.place.name, clean(self.file_name or ""), self.size))
        return UploadedFile(name=self.files[-1].name, size=self.size)

    def upload_interrupted(self) -> None:
        if hasattr(self, "file"):
            self.file.close()


def limit() -> int:
    """The most bytes that an upload may hold."""
    return int(settings.HUB.sdg.upload_mb) * MEGABYTE


def receiving(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Give a POST a place in the inbox that its files are written to; what the view does not use is taken away.

    The token against forged requests is looked at after that, since it comes among the files.
    """
    protected = csrf_protect(view)

    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            return protected(request, *args, **kwargs)
        inbox = Inbox.of(actions.room())
        place = inbox.open()
        handler = ToDisk(request, inbox.place(place), limit())
        try:
            if int(request.headers.get("Content-Length") or 0) > limit() + FORM_BYTES:
                handler.too_large = True
            else:
                request.upload_handlers = [handler]
                request.POST  # noqa: B018 - reads the body
            if handler.too_large:
                return _too_large(request)
            request.inbox_place, request.inbox_files = place, handler.files
            return protected(request, *args, **kwargs)
        finally:
            if not (inbox.folder / place / "upload.json").exists():
                inbox.forget(place)

    return csrf_exempt(run)


def _too_large(request: HttpRequest) -> HttpResponse:
    return render(request, "sdg/desk/too_large.html", {"limit": limit() // MEGABYTE}, status=413)


@requires("load", "sdg draft")
@receiving
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """Send files into a new draft or one that is there."""
    form = UploadForm(
        request.POST if request.method == "POST" else None, initial={"draft": request.GET.get("into", "")}
    )
    if request.method == "POST" and form.is_valid():
        files = [file for file in request.inbox_files if file.bytes]
        facts = form.cleaned_data
        if not files:
            form.add_error(None, _("Choose at least one file that is not empty."))
        else:
            try:
                done = actions.upload(request.user, request.inbox_place, files, **facts)
            except Refused as refused:
                form.add_error(None, str(refused))
            else:
                return redirect("sdg-desk-upload-state", done.id)
    facts = {"form": form, "limit": limit() // MEGABYTE, "limit_bytes": limit()}
    return render(request, "sdg/desk/upload.html", facts, status=400 if form.errors else 200)


def found(identifier: str) -> Upload:
    try:
        return Inbox.of(actions.room()).get(identifier)
    except UnknownUpload as error:
        raise Http404(str(error)) from error


@require_GET
@requires("see", "sdg desk")
def state(request: HttpRequest, token: str) -> HttpResponse:
    """How far an upload is; `part=1` is what the page asks for again and again."""
    made = found(token)
    facts: dict[str, Any] = {"upload": made, "cut_off": Inbox.of(actions.room()).cut_off(made)}
    facts["percent"] = _percent(made)
    facts["going"] = not made.ended and not facts["cut_off"]
    template = "sdg/desk/parts/upload_state.html" if request.GET.get("part") else "sdg/desk/upload_state.html"
    response = render(request, template, facts)
    if request.GET.get("part") and not facts["going"]:
        response.headers["HX-Refresh"] = "true"
    return response


def _percent(made: Upload) -> int:
    """By bytes while files are taken in, which is half of the work."""
    if made.step in ("done", "failed"):
        return 100
    if made.step == "validate":
        return 60
    done = {outcome.name for outcome in made.outcomes}
    read = sum(file.bytes for file in made.files if file.name in done)
    return 5 + round(50 * read / max(1, made.bytes)) if made.step == "files" else 2


@require_POST
@requires("load", "sdg draft")
def again(request: HttpRequest, token: str) -> HttpResponse:
    """Go on with work that was cut off."""
    try:
        actions.again(request.user, found(token))
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("sdg-desk-upload-state", token)


urlpatterns = [
    path("sdg/desk/upload/", upload, name="sdg-desk-upload"),
    path("sdg/desk/uploads/<str:token>/", state, name="sdg-desk-upload-state"),
    path("sdg/desk/uploads/<str:token>/again/", again, name="sdg-desk-upload-again"),
]
