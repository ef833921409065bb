"""The published data in releases, made once for all tests of what pages show."""

from tests.sdg.pages.conftest import built, own_room, room  # noqa: F401
