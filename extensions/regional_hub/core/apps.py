"""Django's entry to the core: wires sign-in events to the audit log."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "regional_hub.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from regional_hub.core import signals  # noqa: F401  (connects the receivers)
