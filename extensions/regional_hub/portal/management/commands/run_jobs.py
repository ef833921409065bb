"""`manage run_jobs`: runs the queue `jobs`, one job at a time; as many processes as `jobs.at_once` run it.

The queue `default`, of mails and the like, has a worker of its own, so that nothing short waits for an hour-long check.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django_tasks_db.management.commands import db_worker

from regional_hub.hub import jobs_left
from regional_hub.showcase import tasks as reviews


class Command(db_worker.Command):
    help = "Remove what a killed process left of its jobs, have them done again, and run the queue of jobs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(queue_name="jobs")

    def handle(self, *args: Any, **options: Any) -> None:
        jobs_left.sweep(settings.HUB)
        reviews.start()
        super().handle(*args, **options)
