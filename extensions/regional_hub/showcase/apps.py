"""Django's entry to the Showcase."""

from django.apps import AppConfig


class ShowcaseConfig(AppConfig):
    name = "regional_hub.showcase"
    label = "showcase"
    default_auto_field = "django.db.models.BigAutoField"
