"""The dialogs of a page: one of them is sent as a form, and stands open again when something was wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import msgspec

from app.errors import AppError


class DialogForm(msgspec.Struct):
    """What was typed into the dialogs of a page: further fields are texts, one for each input."""

    open: str = ""
    """The dialog that stands open; '' for none."""
    errors: dict[str, str] = {}
    """What is wrong, by field; under '' what is about none of them."""
    status: int = 200
    """Of the page that shows it."""

    @classmethod
    def of(cls, data: Mapping[str, Any], dialog: str) -> Self:
        """What the browser sent from a dialog."""
        names = set(cls.__struct_fields__).difference(DialogForm.__struct_fields__)
        inputs: dict[str, Any] = {name: str(data.get(name) or "") for name in names}
        return cls(open=dialog, **inputs)

    def failed(self, error: AppError, otherwise: str = "") -> Self:
        """The same with what was wrong; an error that names no field stands at the field `otherwise`."""
        messages = {field_error["path"]: field_error["message"] for field_error in error.errors}
        return msgspec.structs.replace(self, errors=messages or {otherwise: error.message}, status=error.status_code)
