"""Objects of named values that a config holds and later steps read by path: what is wrong with their names, number and size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.flow.diagnostic import Diagnostic
from app.lib import jsonlimits
from app.lib.translation import gettext
from app.values import names

MAX_NAMES = 50
MAX_VALUE_DEPTH = 20


def named_value_diagnostics(values: Mapping[str, Any], what: str, max_bytes: int) -> list[Diagnostic]:
    """All of it, for the field `set`; `what` is a noun: `variable`."""
    if len(values) > MAX_NAMES:
        return [Diagnostic("set", gettext("At most %(max_names)s values fit in one step.", max_names=MAX_NAMES))]
    diagnostics = []
    for name in values:
        try:
            if (checked := names.checked(name, what)) != name:
                diagnostics.append(Diagnostic(f"set.{name}", gettext("Write “%(checked)s”.", checked=checked)))
        except names.BadName as error:
            diagnostics.append(Diagnostic(f"set.{name}", str(error)))
    try:
        jsonlimits.storable_bytes(values, max_bytes=max_bytes, max_depth=MAX_VALUE_DEPTH)
    except jsonlimits.Unstorable as error:
        diagnostics.append(Diagnostic("set", str(error)))
    return diagnostics
