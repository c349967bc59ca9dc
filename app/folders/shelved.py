"""What of a list its page shows: a folder or a tag, of which status and in which order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from app.errors import FieldError, Invalid
from app.lib.translation import gettext
from app.models import FolderKind


class Shelved(NamedTuple):
    """`all` is what stands above the folders for everything; the others are as in the address, empty for what is not filtered."""

    kind: FolderKind
    path: str
    all: str
    folder: str = ""
    tag: str = ""
    status: str = ""
    sort: str = ""

    def with_status(self, status: str) -> str:
        """The address of the same of another status."""
        query = {"status": status, "folder": self.folder, "tag": self.tag, "sort": self.sort}
        words = urlencode({name: word for name, word in query.items() if word})
        return f"{self.path}?{words}" if words else self.path


def in_form(word: Any) -> UUID | None:
    """The folder that a form names; None for none, and for what is no id."""
    with contextlib.suppress(ValueError, TypeError):
        return UUID(str(word))
    return None


def unsorted(word: str | None, orders: Iterable[str]) -> Invalid | None:
    """What is said about an order that a list does not have; None for one of `orders`, with a minus before it too."""
    if not word or word.removeprefix("-") in orders:
        return None
    message = gettext("Use one of: %(words)s; with a minus from the other end.", words=", ".join(orders))
    return Invalid(errors=[FieldError(path="sort", message=message)])
