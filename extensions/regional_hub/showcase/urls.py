"""The addresses of the Showcase: short and permanent, people cite them."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

from regional_hub.showcase import api
from regional_hub.showcase.views import gallery

urlpatterns: list[URLPattern | URLResolver] = [
    *api.urlpatterns,  # before the pages of publications, which cannot be called so
    *gallery.urlpatterns,
]
