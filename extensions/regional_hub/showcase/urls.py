"""The addresses of the Showcase: short and permanent, people cite them."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

from regional_hub.showcase import api
from regional_hub.showcase.views import (
    comments,
    compare,
    downloads,
    feeds,
    gallery,
    live,
    methods,
    mine,
    ogc,
    publication,
    review,
)

urlpatterns: list[URLPattern | URLResolver] = [
    *api.urlpatterns,  # before the pages of publications, which cannot be called so
    *feeds.urlpatterns,
    *gallery.urlpatterns,
    *review.urlpatterns,
    *mine.urlpatterns,
    *comments.urlpatterns,
    *compare.urlpatterns,
    *live.urlpatterns,
    *methods.urlpatterns,
    *ogc.urlpatterns,
    *downloads.urlpatterns,
    *publication.urlpatterns,  # last: any word may be a publication's
]
