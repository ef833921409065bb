"""The portal's addresses. They are short and permanent: people write them down."""

from __future__ import annotations

from django.urls import include, path

from regional_hub.portal.views import accounts, home

handler400 = "regional_hub.portal.views.errors.bad_request"
handler403 = "regional_hub.portal.views.errors.forbidden"
handler404 = "regional_hub.portal.views.errors.not_found"
handler429 = "regional_hub.portal.views.errors.too_many"
handler500 = "regional_hub.portal.views.errors.broken"

urlpatterns = [
    path("", home.home, name="home"),
    path("healthz", home.health, name="health"),
    path("language/", home.language, name="language"),
    path("notices/<int:pk>/read/", home.read_notice, name="read-notice"),
    path("invitation/<str:token>/", accounts.invitation, name="invitation"),
    path("accounts/logout/", accounts.SignOut.as_view()),
    path("accounts/", include("allauth.urls")),
    path("", include("allauth.idp.urls")),
]
