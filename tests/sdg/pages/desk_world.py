"""The stewards' desk in tests: the small published files of Nepal, sent as browsers do, and wrong in one way."""

from __future__ import annotations

from pathlib import Path

from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile

from regional_hub.sdg.draft import Draft
from regional_hub.sdg.loading import Room

DESK = "/sdg/desk/"


def nepal(published: Path, *, error: bool = False, value: str = "66") -> str:
    """The published file as a validation lets it pass; with `error` its first series has a code that nobody knows."""
    text = (published / "nepal" / "CBS_DATA.xml").read_text(encoding="utf-8")
    text = text.replace('UNIT_MEASURE="Nepali Rupees"', 'UNIT_MEASURE="CUR_LCU"')
    text = text.replace('OBS_VALUE="66"', f'OBS_VALUE="{value}"', 1)
    return text.replace('SERIES="SI_POV_DAY1"', 'SERIES="SI_POV_DAY9"', 1) if error else text


def sent(name: str, content: str | bytes) -> SimpleUploadedFile:
    data = content if isinstance(content, bytes) else content.encode()
    return SimpleUploadedFile(name, data, content_type="application/octet-stream")


def send(client, *files: SimpleUploadedFile, **more: str):
    """Upload files; gives the answer of the page that says how it went."""
    return client.post(f"{DESK}upload/", {"files": list(files), **more}, follow=True)


def only_draft(room: Room) -> Draft:
    """The draft that is in work."""
    (draft,) = [each for each in room.store.drafts() if each.facts["state"] != "published"]
    return draft


def text(response) -> str:
    """What an answer says, also one that is made as it is sent."""
    if not response.streaming:
        return response.content.decode()

    async def whole() -> bytes:
        return b"".join([part async for part in response.streaming_content])

    return async_to_sync(whole)().decode()
