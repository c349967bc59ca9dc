"""What people type into the forms of segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.errors import FieldError, Invalid
from app.lib.translation import gettext
from app.web.dialog_form import DialogForm

EMPTY: dict[str, Any] = {"match": "all", "conditions": []}


class SegmentForm(DialogForm):
    """The forms of segments: `new` and `rule`, and the dialogs `edit` and `add` of one."""

    name: str = ""
    description: str = ""
    kind: str = "dynamic"
    rule: str = ""
    """JSON of a rule, as `static/segment-editor.js` writes it."""
    people: str = ""
    """Addresses and ids, one a line or with commas between them."""

    @property
    def shown_rule(self) -> dict[str, Any]:
        """The rule that was sent, as the editor shows it again; an empty one where it is none."""
        try:
            rule = decoded_rule(self.rule)
        except Invalid:
            return EMPTY
        return rule if _is_shown(rule) else EMPTY

    @property
    def rule_errors(self) -> list[dict[str, str]]:
        """What is wrong with the rule, by paths below it."""
        return [
            {"path": path.removeprefix("rule").lstrip("."), "message": message, "severity": "error"}
            for path, message in self.errors.items()
            if path == "rule" or path.startswith("rule.")
        ]


def decoded_rule(text: str) -> dict[str, Any]:
    """The JSON of a rule. Raises Invalid for what is none."""
    try:
        rule = msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, RecursionError) as error:
        message = gettext("The rule did not arrive whole. Load the page again.")
        raise Invalid(message, errors=[FieldError(path="rule", message=message)]) from error
    return rule if isinstance(rule, dict) else {"conditions": rule}


def _is_shown(group: Mapping[str, Any]) -> bool:
    """Can the editor show a group: is it a list of conditions, all the way down?"""
    parts = group.get("conditions", [])
    return isinstance(parts, list) and all(
        isinstance(part, dict) and ("conditions" not in part or part["conditions"] is None or _is_shown(part))
        for part in parts
    )


def check_length(form: SegmentForm) -> None:
    """Raises Invalid for a name or a description that is too long."""
    errors: list[FieldError] = [
        {"path": name, "message": gettext("At most %(most)s characters fit here.", most=f"{most:,}")}
        for name, text, most in (("name", form.name, 120), ("description", form.description, 1_000))
        if len(text) > most
    ]
    if errors:
        raise Invalid(errors=errors)
