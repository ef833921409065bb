"""Django's entry to the pages of the SDG database."""

from django.apps import AppConfig


class SdgConfig(AppConfig):
    name = "regional_hub.sdg"
    label = "sdg"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.conf import settings
        from django.db.models.signals import post_save

        from regional_hub.core.models import AuditEntry
        from regional_hub.sdg import map_settings
        from regional_hub.sdg.explorer import maps
        from regional_hub.sdg.subscriptions import tasks

        post_save.connect(tasks.on_audit, AuditEntry, dispatch_uid="sdg.subscriptions")
        maps.source = map_settings.source(lambda: settings.HUB)
