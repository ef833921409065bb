"""The form of a method, made from what its notebook declares; the values are judged by the method's own rules."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from regional_hub.lab.share_values import LARGEST
from regional_hub.showcase import method_run
from regional_hub.showcase.method_run import BadValues, Method

PREFIX = "p"
LONG = 200  # characters from which text has more than one line


class MethodForm(forms.Form):
    """A field per parameter. `values` are those that the method takes; errors stand at their fields."""

    def __init__(self, declared: Method, data: Any = None, given: Any = None) -> None:
        """`given`: a QueryDict of an address with values to begin with, as `again` writes them."""
        super().__init__(data, prefix=PREFIX)
        self._declared = declared
        self.values: dict[str, Any] = {}
        for one in declared.parameters:
            field = _field(one)
            name = f"{PREFIX}-{one['name']}"
            if given is not None and name in given:
                is_many = isinstance(field, forms.MultipleChoiceField)
                field.initial = given.getlist(name) if is_many else given[name]
                if isinstance(field, forms.BooleanField):
                    field.initial = given[name] == "true"
            self.fields[one["name"]] = field

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        raw = {
            one["name"]: _value(one, cleaned[one["name"]])
            for one in self._declared.parameters
            if one["name"] in cleaned
        }
        try:
            self.values = method_run.values(self._declared, raw)
        except BadValues as bad:
            for name, fault in bad.faults.items():
                self.add_error(name, fault[1] if _is_chinese() else fault[0])
        return cleaned


def again(declared: Method, values: Mapping[str, Any]) -> str:
    """The query of an address whose form begins with these values."""
    pairs: list[tuple[str, str]] = []
    for one in declared.parameters:
        name, value = f"{PREFIX}-{one['name']}", values.get(one["name"], one["default"])
        if one["type"] == "array" and "enum" in one["schema"]["items"]:
            pairs += [(name, str(each)) for each in value]
        else:
            pairs.append((name, _text(value)))
    return urlencode(pairs)


def label(one: Mapping[str, Any]) -> str:
    """What a parameter or an output is called in the reader's language."""
    name = one.get("title_zh") if _is_chinese() else ""
    return str(name or one.get("title") or one.get("name") or one.get("id"))


def _is_chinese() -> bool:
    return (get_language() or "").startswith("zh")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "\n".join(_text(each) for each in value)
    return str(value)


def _help(one: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    said = (one["description_zh"] if _is_chinese() else "") or one["description"]
    parts = [said] if said else []
    if one["unit"]:
        parts.append(_("Unit: %(unit)s.") % {"unit": one["unit"]})
    low, high = schema.get("minimum", -LARGEST), schema.get("maximum", LARGEST)
    if low > -LARGEST and high < LARGEST:
        parts.append(_("From %(low)s to %(high)s.") % {"low": low, "high": high})
    elif low > -LARGEST:
        parts.append(_("At least %(low)s.") % {"low": low})
    elif high < LARGEST:
        parts.append(_("At most %(high)s.") % {"high": high})
    if one["type"] == "array" and "enum" not in schema:
        parts.append(_("One per line."))
    return " ".join(parts)


def _field(one: Mapping[str, Any]) -> forms.Field:
    is_list = one["type"] == "array"
    schema = one["schema"]["items"] if is_list else one["schema"]
    more: dict[str, Any] = {"label": label(one), "required": False, "help_text": _help(one, schema)}
    if schema["type"] == "boolean" and not is_list:
        return forms.BooleanField(initial=one["default"], **more)
    if "enum" in schema:
        choices = [(str(each), str(each)) for each in schema["enum"]]
        if is_list:
            boxes = forms.CheckboxSelectMultiple({"class": "form-check-input"})
            chosen = [str(each) for each in one["default"]]
            return forms.MultipleChoiceField(choices=choices, initial=chosen, widget=boxes, **more)
        return forms.ChoiceField(choices=choices, initial=str(one["default"]), **{**more, "required": True})
    is_text = schema["type"] == "string" and schema.get("minLength", 0) == 0 and schema.get("format") != "date"
    more |= {"required": not is_list and not is_text, "initial": _text(one["default"]), "strip": not is_text or is_list}
    return forms.CharField(widget=_widget(schema, is_list), **more)


def _widget(schema: Mapping[str, Any], is_list: bool) -> forms.Widget:
    if is_list:
        return forms.Textarea({"rows": 4, "spellcheck": "false"})
    if schema["type"] in ("integer", "number"):
        bounds = {"min": schema["minimum"], "max": schema["maximum"]}
        return forms.NumberInput({**bounds, "step": 1 if schema["type"] == "integer" else "any"})
    if schema.get("format") == "date":
        return forms.DateInput({"type": "date"})
    size = {"maxlength": schema["maxLength"]}
    return forms.Textarea({"rows": 3, **size}) if schema["maxLength"] > LONG else forms.TextInput(size)


def _value(one: Mapping[str, Any], given: Any) -> Any:
    """What was entered as the parameter's type; text that is none of it stays text, and is refused as such."""
    if one["type"] != "array":
        return _one(one["schema"]["type"], given)
    lines = given if isinstance(given, list) else [line.strip() for line in given.splitlines() if line.strip()]
    return [_one(one["schema"]["items"]["type"], line) for line in lines]


def _one(kind: str, given: Any) -> Any:
    if not isinstance(given, str):
        return given
    if kind == "string":
        return given.replace("\r\n", "\n")
    with contextlib.suppress(ValueError, KeyError):
        if kind == "boolean":
            return {"true": True, "false": False}[given.lower()]
        return int(given) if kind == "integer" else float(given)
    return given
