"""Template tags that every platform uses."""

from __future__ import annotations

from typing import Any

from django import forms, template
from django.forms.boundfield import BoundField
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from regional_hub.core.models import AuditEntry

register = template.Library()

# Words of the audit log. What is written there is the key; a test holds that every action's verb has a word.
VERBS = {
    "add": _("added"),
    "approve": _("approved"),
    "approve revision": _("approved for the public"),
    "ask": _("asked for an account"),
    "assign review": _("assigned the review of"),
    "change": _("changed"),
    "close method": _("closed to visitors the method"),
    "open method": _("opened to visitors the method"),
    "run method": _("ran the method"),
    "stop method": _("ended a run of the method"),
    "change e-mail addresses": _("changed e-mail addresses"),
    "change password": _("changed the password"),
    "change audience": _("changed who may read"),
    "check again": _("had checked again"),
    "checked": _("checked"),
    "comment": _("commented on"),
    "confirm": _("confirmed"),
    "create": _("created"),
    "decide-conflict": _("decided a conflict in"),
    "decline revision": _("declined"),
    "delete": _("dissolved"),
    "disable": _("disabled"),
    "discard-draft": _("discarded the draft"),
    "drop-file": _("took a file out of"),
    "edit-metadata": _("wrote reference metadata"),
    "embargo": _("put under embargo"),
    "embargo-draft": _("put under embargo in"),
    "enable": _("enabled"),
    "fail to sign in": _("failed to sign in"),
    "force-release": _("forced the release"),
    "feature": _("featured"),
    "follow": _("followed by e-mail"),
    "group": _("changed groups"),
    "import-metadata": _("imported reference metadata"),
    "invite": _("invited"),
    "issue": _("issued"),
    "lift-draft-embargo": _("lifted an embargo in"),
    "lift-embargo": _("lifted an embargo on"),
    "load-draft": _("loaded files into"),
    "publish-release": _("published the release"),
    "remove": _("removed"),
    "publish publication": _("made public"),
    "release review": _("gave back the review of"),
    "request changes": _("asked for changes in"),
    "request-publication": _("asked to publish"),
    "revoke": _("withdrew"),
    "resolve comment": _("settled a comment on"),
    "roll-back-release": _("rolled back to"),
    "set expiry": _("set the expiry date of"),
    "share": _("shared"),
    "sign in": _("signed in"),
    "sign out": _("signed out"),
    "sign up": _("signed up"),
    "start": _("started"),
    "stop": _("stopped"),
    "submit": _("submitted for review"),
    "take review": _("took the review of"),
    "transfer": _("handed over"),
    "unfollow": _("ended a subscription"),
    "unfeature": _("no longer featured"),
    "undo-decision": _("took a decision back in"),
    "validate-draft": _("validated"),
    "withdraw publication": _("withdrew from the Showcase"),
}


@register.filter
def control(field: BoundField) -> SafeString:
    """A form field's input, with Bootstrap's classes and a link to its help and errors."""
    widget = field.field.widget
    style = "form-control"
    if isinstance(widget, forms.CheckboxInput):
        style = "form-check-input"
    elif isinstance(widget, forms.CheckboxSelectMultiple | forms.RadioSelect):
        return field.as_widget()
    elif isinstance(widget, forms.Select):
        style = "form-select"
    attrs: dict[str, Any] = {"class": f"{style} is-invalid" if field.errors else style}
    # Labels stand above the inputs: a placeholder that repeats one is noise.
    if widget.attrs.get("placeholder") and widget.attrs["placeholder"] == field.label:
        attrs["placeholder"] = ""
    described = [f"{field.auto_id}_help"] if field.help_text else []
    described += [f"{field.auto_id}_error"] if field.errors else []
    if described:
        attrs["aria-describedby"] = " ".join(described)
    return field.as_widget(attrs=attrs)


@register.filter
def verb(entry: AuditEntry) -> str:
    """What an entry of the audit log says was done, in the reader's language."""
    return str(VERBS.get(entry.verb, entry.verb))


@register.filter
def kind(field: BoundField) -> str:
    """`check`, `choices` or `text`: how label and input are arranged."""
    widget = field.field.widget
    if isinstance(widget, forms.CheckboxInput):
        return "check"
    return "choices" if isinstance(widget, forms.CheckboxSelectMultiple | forms.RadioSelect) else "text"
