"""The portal's addresses. They are short and permanent: people write them down."""

from __future__ import annotations

from django.urls import include, path

from regional_hub.portal import catalog
from regional_hub.portal.views import accounts, groups, home, people, servers

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
    path("profile/", accounts.profile, name="profile"),
    path("servers/", servers.index, name="servers"),
    path("servers/all/", servers.everyone, name="all-servers"),
    path("servers/new/", servers.new, name="new-server"),
    path("servers/<slug:owner>/<slug:slug>/", servers.detail, name="server"),
    path("servers/<slug:owner>/<slug:slug>/start/", servers.start, name="start-server"),
    path("servers/<slug:owner>/<slug:slug>/stop/", servers.stop, name="stop-server"),
    path("servers/<slug:owner>/<slug:slug>/progress", servers.progress, name="server-progress"),
    path("people/", people.index, name="people"),
    path("people/invite/", people.invite, name="invite"),
    path("people/invitations/<int:pk>/revoke/", people.revoke, name="revoke-invitation"),
    path("people/audit/", groups.audit_log, name="audit"),
    path("people/groups/", groups.index, name="groups"),
    path("people/groups/new/", groups.create, name="new-group"),
    path("people/groups/<slug:name>/", groups.group, name="group"),
    path("people/groups/<slug:name>/rename/", groups.rename, name="rename-group"),
    path("people/groups/<slug:name>/members/", groups.add_member, name="add-member"),
    path("people/groups/<slug:name>/members/<slug:person>/remove/", groups.remove_member, name="remove-member"),
    path("people/groups/<slug:name>/delete/", groups.delete, name="delete-group"),
    path("people/person/<slug:name>/", people.person, name="person"),
    path("people/person/<slug:name>/groups/", people.set_groups, name="set-groups"),
    path("people/person/<slug:name>/approve/", people.approve, name="approve"),
    path("people/person/<slug:name>/disable/", people.disable, name="disable"),
    path("people/person/<slug:name>/enable/", people.enable, name="enable"),
    path("", include("regional_hub.portal.catalog")),
    path("", include("regional_hub.sdg.urls")),
    path("", include("regional_hub.showcase.urls")),
    path("accounts/logout/", accounts.SignOut.as_view()),
    path("accounts/", include("allauth.urls")),
    path("", include("allauth.idp.urls")),
    *catalog.urlpatterns,
]
