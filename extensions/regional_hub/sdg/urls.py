"""The addresses of the SDG database: short and permanent, people cite them."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

from regional_hub.sdg import api
from regional_hub.sdg.views import (
    area,
    browse,
    changes,
    desk,
    desk_metadata,
    desk_releases,
    desk_report,
    desk_upload,
    embed,
    feeds,
    maps,
    search,
    series,
    subscriptions,
)

urlpatterns: list[URLPattern | URLResolver] = [
    *browse.urlpatterns,
    *search.urlpatterns,
    *api.urlpatterns,
    *maps.urlpatterns,
    *series.urlpatterns,
    *embed.urlpatterns,
    *feeds.urlpatterns,  # before the pages of releases, which could be called the same
    *changes.urlpatterns,
    *subscriptions.urlpatterns,
    *desk.urlpatterns,
    *desk_upload.urlpatterns,
    *desk_report.urlpatterns,
    *desk_releases.urlpatterns,
    *desk_metadata.urlpatterns,
    *area.urlpatterns,
]
