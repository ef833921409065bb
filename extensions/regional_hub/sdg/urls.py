"""The addresses of the SDG database: short and permanent, people cite them."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

from regional_hub.sdg.views import browse

urlpatterns: list[URLPattern | URLResolver] = [*browse.urlpatterns]
