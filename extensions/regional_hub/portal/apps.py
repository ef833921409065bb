"""Django's entry to the portal."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "regional_hub.portal"
    label = "portal"
