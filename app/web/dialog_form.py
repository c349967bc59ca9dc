"""The dialogs of a page: one of them is sent as a form, and stands open again when something was wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import msgspec

from app.errors import AppError
from app.web.form_errors import errors_by_path


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
        """The same dialog with its errors; an error without a field is shown at the field `otherwise`."""
        messages = errors_by_path(error)
        return msgspec.structs.replace(self, errors=messages or {otherwise: error.message}, status=error.status_code)
