"""What a workflow may be called, and what is said about it."""

from __future__ import annotations

from app.errors import Invalid
from app.lib.translation import gettext


def workflow_name(name: str) -> str:
    """Without the space around it. Raises Invalid."""
    if not 1 <= len(cleaned := name.replace("\0", "").strip()) <= 255:
        message = gettext("Give the workflow a name of 1 to 255 characters.")
        raise Invalid(errors=[{"path": "name", "message": message}])
    return cleaned


def workflow_description(text: str | None) -> str | None:
    """None for one that says nothing."""
    return (text or "").replace("\0", "").strip() or None
