"""The state of one list in one request: what stands in its address, and the addresses of everything beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from app.lib.translation import gettext
from app.lists.spec import ListColumn, ListSpec
from app.models import ListView

SORT, COLUMNS, VIEW = "sort", "columns", "view"
"""The query parameters that every list takes beside its filters."""


class ListHeading(NamedTuple):
    """A column of the head: where a press on it leads, and how the list is sorted by it now (`aria-sort`)."""

    column: ListColumn
    title: str
    address: str
    sorted: str


class ViewTab(NamedTuple):
    """A saved view above the list. `changed`: what is shown is not any more what it says."""

    id: UUID | None
    name: str
    address: str
    current: bool = False
    changed: bool = False
    shared: bool = False
    own: bool = True


class ListState:
    """`order` is checked, `columns` are those that are shown, `chosen` those of the address."""

    def __init__(
        self,
        spec: ListSpec,
        filters: Mapping[str, str],
        *,
        path: str = "",
        order: str = "",
        columns: Sequence[str],
        chosen: str = "",
        view: UUID | None = None,
        views: Sequence[ListView] = (),
        reader: UUID | None = None,
        partial: bool = False,
        data: Mapping[str, str] | None = None,
    ) -> None:
        self.spec, self.path = spec, path or spec.path
        self.filters = {name: value for name, value in filters.items() if value}
        self.order, self.columns, self._chosen = order, columns, chosen
        self.view, self.partial, self._reader = view, partial, reader
        self._views, self._data = views, data or {}

    @property
    def query(self) -> dict[str, str]:
        """Filters, order and columns as in the address: what a view keeps."""
        order = self.order if self.order != self.spec.order else ""
        return {**self.filters, **{name: word for name, word in ((SORT, order), (COLUMNS, self._chosen)) if word}}

    @property
    def hidden_fields(self) -> dict[str, str]:
        """What a form of filters sends along unseen."""
        own = {name: word for name, word in self.query.items() if name in (SORT, COLUMNS)}
        return {**own, **({VIEW: str(self.view)} if self.view else {})}

    @property
    def words(self) -> str:
        """The query without the view, as text."""
        return urlencode(self.query)

    @property
    def keeps(self) -> bool:
        """Is there anything that a view would keep?"""
        return bool(self.query)

    def url(self, path: str = "", **changes: str | None) -> str:
        """The first page of the list with all that is chosen, some of it changed; None and "" leave out."""
        words = {**self.query, **({VIEW: str(self.view)} if self.view else {}), **changes}
        query = urlencode({name: word for name, word in words.items() if word})
        return f"{path or self.path}?{query}" if query else path or self.path

    @property
    def export(self) -> str:
        """The list as a file."""
        return self.url(f"{self.path}/export", **{VIEW: None})

    def shows(self, key: str) -> bool:
        return key in self.columns

    @property
    def shown(self) -> list[ListColumn]:
        """The columns of the table, from the left."""
        declared = [column for column in self.spec.columns if column.key in self.columns]
        return [*declared, *(self._of_data(key) for key in self.columns if self.spec.has_data(key))]

    @property
    def offered(self) -> list[ListColumn]:
        """All columns that can be chosen: those of the list, then those that its data is known to have."""
        keys = {key for key in (*self._data, *self.columns) if self.spec.has_data(key)}
        return [*self.spec.columns, *sorted(map(self._of_data, keys), key=lambda column: column.title.casefold())]

    def _of_data(self, key: str) -> ListColumn:
        return ListColumn(key, self._data.get(key) or key.removeprefix(self.spec.data), of_data=True)

    @property
    def headings(self) -> list[ListHeading]:
        return [self._heading(column) for column in self.shown]

    @property
    def sortable(self) -> list[ListHeading]:
        """Every column that the list is sorted by, shown or not: for where there are no headings."""
        return [self._heading(column) for column in self.spec.columns if column.order]

    def _heading(self, column: ListColumn) -> ListHeading:
        if not column.order:
            return ListHeading(column, column.words, "", "")
        up, down = column.order, f"-{column.order}"
        first, second = (down, up) if column.newest_first or column.greatest_first else (up, down)
        following = second if self.order == first else first
        standing = {up: "ascending", down: "descending"}.get(self.order, "")
        return ListHeading(column, column.words, self.url(sort=following), standing)

    @property
    def sorted_by(self) -> str:
        """The order in words, for below the list."""
        column = next((column for column in self.spec.columns if column.order == self.order.removeprefix("-")), None)
        if column is None:
            return ""
        falling = self.order.startswith("-")
        if column.newest_first:
            return gettext(column.falls if falling else column.rises)
        title = column.words
        if column.greatest_first:
            return (
                gettext("by %(column)s, most first", column=title)
                if falling
                else gettext("by %(column)s", column=title)
            )
        return gettext("by %(column)s, from Z", column=title) if falling else gettext("by %(column)s", column=title)

    @property
    def tabs(self) -> list[ViewTab]:
        """All of the list, then the views by name; none where nobody has saved one."""
        if not self._views:
            return []
        every = ViewTab(None, gettext("All"), self.path, self.view is None)
        return [every, *(self._tab(view) for view in self._views)]

    def _tab(self, view: ListView) -> ViewTab:
        query: dict[str, str] = view.query
        current = view.id == self.view
        return ViewTab(
            view.id,
            view.name,
            f"{self.path}?{urlencode({**query, VIEW: str(view.id)})}",
            current,
            current and query != self.query,
            view.shared,
            view.owner_id == self._reader,
        )

    @property
    def tab(self) -> ViewTab | None:
        """The view that is open."""
        return next((tab for tab in self.tabs if tab.id and tab.current), None)
