"""Template tags that every platform uses."""

from __future__ import annotations

from typing import Any

from django import forms, template
from django.forms.boundfield import BoundField
from django.utils.safestring import SafeString

register = template.Library()


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
def kind(field: BoundField) -> str:
    """`check`, `choices` or `text`: how label and input are arranged."""
    widget = field.field.widget
    if isinstance(widget, forms.CheckboxInput):
        return "check"
    return "choices" if isinstance(widget, forms.CheckboxSelectMultiple | forms.RadioSelect) else "text"
