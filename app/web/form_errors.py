"""What was wrong with a form, as its page shows it: a sentence beside each field."""

from __future__ import annotations

from app.errors import AppError


def errors_by_path(error: AppError | None) -> dict[str, str]:
    """The first sentence about each field, by its path; empty without an error, and for one that names no field."""
    messages: dict[str, str] = {}
    for field_error in error.errors if error else []:
        messages.setdefault(field_error["path"], field_error["message"])
    return messages
