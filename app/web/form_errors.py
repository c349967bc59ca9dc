"""What was wrong with a form, as its page shows it: a sentence beside each field."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.errors import AppError

_INNER = re.compile(r"[.\[]")


def errors_by_path(error: AppError | None) -> dict[str, str]:
    """The first sentence about each field, by its path; empty without an error, and for one that names no field."""
    messages: dict[str, str] = {}
    for field_error in error.errors if error else []:
        messages.setdefault(field_error["path"], field_error["message"])
    return messages


def errors_by_field(error: AppError | None, fields: Mapping[str, str]) -> dict[str, str]:
    """The first sentence about each field of a form that has one for all that lies below it: `tags` for `tags[2]`.

    `fields`: what the form calls members that it knows by another name.
    """
    messages: dict[str, str] = {}
    for path, message in errors_by_path(error).items():
        member = _INNER.split(path, maxsplit=1)[0]
        messages.setdefault(fields.get(member, member), message)
    return messages
