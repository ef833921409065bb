"""See `tests.core.site`."""

from tests.core.site import (  # noqa: F401
    admin,
    alice,
    django_db_modify_db_settings,
    groups,
    listening_hub,
    make_person,
    quick_site,
    signed_in,
    translated,
)
