"""One writer at a time, where rows cannot be locked because a decision is about many, or about ones not yet there."""

from __future__ import annotations

from django.db import connection


def one_at_a_time(number: int) -> None:
    """Wait until no other transaction holds this lock; ours holds it until its end.

    SQLite has that already: our transactions begin IMMEDIATE. `number` is one of PostgreSQL's advisory locks.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
