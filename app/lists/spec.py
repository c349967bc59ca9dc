"""What a list offers: its columns, the orders that an index serves, and its filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.errors import Invalid, NotFound
from app.lib.translation import gettext, translatable

LATEST, UNTOUCHED = translatable("last changed first"), translatable("longest unchanged first")
"""Of columns that say when a row was changed."""


MOST_OF_DATA, LONGEST_OF_DATA = 12, 200
"""Columns of the data that are shown at once, and characters of the name of one."""


class ListColumn(NamedTuple):
    """A column of a list. `title` is marked for translation; `css` is of its heading and its cells."""

    key: str
    title: str
    css: str = ""
    order: str = ""
    """The word of its order in the address; empty where no index serves one."""
    newest_first: bool = False
    """Dates begin with the newest, words with A."""
    greatest_first: bool = False
    """As numbers do."""
    falls: str = translatable("newest first")
    rises: str = translatable("oldest first")
    """Of dates, how a list is called that begins with the newest, or with the oldest; marked for translation."""
    shown: bool = True
    """Without anybody's choice."""
    fixed: bool = False
    """Who or what a row is about: always there."""
    of_data: bool = False
    """`title` is a name that people gave, and not translated."""

    @property
    def words(self) -> str:
        """What it is called."""
        return self.title if self.of_data else gettext(self.title)


class ListSpec(NamedTuple):
    """`name` is of the address of its views, `path` where it is shown, `filters` the names of its query parameters that narrow it.

    `order` is how it begins: the word of a column's order, with a minus the greatest first. `data` begins the keys of columns that are not
    declared but stand in the rows, such as `attributes.`; no index serves them, so they have no order.
    """

    name: str
    path: str
    columns: Sequence[ListColumn]
    filters: Sequence[str] = ()
    order: str = ""
    data: str = ""

    @property
    def orders(self) -> frozenset[str]:
        """Every order that may stand in the address."""
        words = [column.order for column in self.columns if column.order]
        return frozenset([*words, *(f"-{word}" for word in words)])

    @property
    def usual_columns(self) -> tuple[str, ...]:
        """Those that are shown without anybody's choice."""
        return tuple(column.key for column in self.columns if column.shown or column.fixed)

    def checked_order(self, order: str) -> str:
        """The order to use, without one that of the list. Raises Invalid for one that is not offered."""
        if order and order not in self.orders:
            raise Invalid(errors=[{"path": "sort", "message": gettext("This list cannot be sorted so.")}])
        return order or self.order

    def checked_columns(self, keys: Sequence[str]) -> tuple[str, ...]:
        """Columns in the order of the list, with those that are always there, then those of the data as they are sent.

        Raises Invalid for one that it does not have, and for more than MOST_OF_DATA.
        """
        of_data = [key for key in dict.fromkeys(keys) if self.has_data(key)]
        if set(keys) - {column.key for column in self.columns} - set(of_data):
            raise Invalid(errors=[{"path": "columns", "message": gettext("This list has no such column.")}])
        if len(of_data) > MOST_OF_DATA:
            message = gettext("Choose %(most)s attributes at most.", most=MOST_OF_DATA)
            raise Invalid(message, errors=[{"path": "columns", "message": message}])
        return (*(column.key for column in self.columns if column.fixed or column.key in keys), *of_data)

    def has_data(self, key: str) -> bool:
        """Is this the key of a column that the rows may have?"""
        name = key.removeprefix(self.data)
        return bool(self.data) and key.startswith(self.data) and 0 < len(name) <= LONGEST_OF_DATA and "," not in name


_LISTS: dict[str, ListSpec] = {}


class ListNotFound(NotFound):
    """There is no such list."""

    code = "list_not_found"


def offer_list(spec: ListSpec) -> ListSpec:
    """Let people keep columns and views of this list. Raises ValueError for a name that another one has."""
    if spec.name in _LISTS and _LISTS[spec.name].path != spec.path:
        raise ValueError(f"two lists are called {spec.name}")
    _LISTS[spec.name] = spec
    return spec


def list_called(name: str) -> ListSpec:
    """Raises ListNotFound."""
    if name not in _LISTS:
        raise ListNotFound
    return _LISTS[name]
