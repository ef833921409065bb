"""See `tests.core.site`."""

from tests.core.site import (  # noqa: F401
    admin,
    alice,
    groups,
    listening_hub,
    make_person,
    quick_site,
    signed_in,
    translated,
)
