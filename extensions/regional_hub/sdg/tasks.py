"""Background tasks of the SDG database, run by the worker (`manage db_worker`)."""

from __future__ import annotations

from django_tasks import task

from regional_hub.sdg import actions


@task()
def run_upload(identifier: str) -> str:
    """Take an upload into its draft and validate it; returns how it ended."""
    return actions.run_upload(identifier).step
