"""Django's entry to the Showcase."""

from django.apps import AppConfig


class ShowcaseConfig(AppConfig):
    name = "regional_hub.showcase"
    label = "showcase"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from regional_hub.showcase import signals, tasks
        from regional_hub.showcase.actions import building, checking

        signals.submitted.connect(checking.on_submitted)
        signals.submitted.connect(tasks.on_submitted)
        signals.recalled.connect(checking.on_recalled)
        signals.published.connect(building.on_published)
        signals.published.connect(tasks.on_published)
        signals.withdrawn.connect(tasks.on_withdrawn)
