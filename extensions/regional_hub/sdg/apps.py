"""Django's entry to the pages of the SDG database."""

from django.apps import AppConfig


class SdgConfig(AppConfig):
    name = "regional_hub.sdg"
    label = "sdg"
    default_auto_field = "django.db.models.BigAutoField"
