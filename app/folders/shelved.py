"""What of a list its page shows beside its folders: the state of the list, and what stands for everything."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from app.errors import FieldError, Invalid
from app.lib.translation import gettext
from app.lists.state import ListState
from app.models import FolderKind


class Shelved(NamedTuple):
    """`all` is what stands above the folders for everything."""

    kind: FolderKind
    all: str
    state: ListState

    @property
    def folder(self) -> str:
        """The id of the folder that is open, or the word for rows in none; empty for all."""
        return self.state.filters.get("folder", "")

    @property
    def tag(self) -> str:
        return self.state.filters.get("tag", "")

    def url(self, folder: object = "", tag: str = "") -> str:
        """The list with another folder or tag."""
        return self.state.url(folder=str(folder or ""), tag=tag, search="")


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
