"""What people keep of lists: columns and views. The pages of all lists call the same functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import FieldError, Forbidden, Invalid, NotFound
from app.lib import clock
from app.lib.translation import gettext
from app.lists.repository import ListColumnsRepository, ListViewRepository
from app.lists.spec import ListSpec
from app.lists.state import COLUMNS, SORT, VIEW, ListState
from app.models import ListView
from app.models.status import Role

MOST_VIEWS = 50
"""Views that a person saves of one list."""
LONGEST_NAME = 60
LONGEST_FILTER = 500
"""Characters of a filter that a view keeps."""


class ViewNotFound(NotFound):
    """There is no such view. Somebody may have deleted it."""

    code = "list_view_not_found"


class ViewOfAnother(Forbidden):
    """This view is shared by somebody else. Save it under a name of your own, or ask an admin to change it."""

    code = "list_view_of_another"


class ListChoice(NamedTuple):
    """What stands in the address beside the filters."""

    sort: str = ""
    columns: str = ""
    view: UUID | None = None


class ListService:
    """The columns and views of the principal. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._principal = principal
        self.views = ListViewRepository(session, principal.tenant_id)
        self.columns = ListColumnsRepository(session, principal.tenant_id)

    async def state(
        self,
        spec: ListSpec,
        filters: Mapping[str, str],
        choice: ListChoice,
        *,
        path: str = "",
        partial: bool = False,
        data: Mapping[str, str] | None = None,
    ) -> ListState:
        """The list as it is asked for; two small queries. `data`: what columns of the data are called, by key.

        Raises Invalid for an order or a column that it does not offer.
        """
        reader = self._principal.user_id
        sent = [key for key in choice.columns.split(",") if key]
        own = None if sent or reader is None else await self.columns.of(reader, spec.name)
        known = {column.key for column in spec.columns}
        # A column that was offered once and is not any more is left out of what somebody keeps.
        usual = spec.usual_columns if own is None else [key for key in own if key in known or spec.has_data(key)]
        return ListState(
            spec,
            filters,
            path=path,
            order=spec.checked_order(choice.sort),
            columns=spec.checked_columns(sent or usual),
            chosen=",".join(sent),
            view=choice.view,
            views=await self.views.seen_by(reader, spec.name),
            reader=reader,
            partial=partial,
            data=data,
        )

    async def choose_columns(self, spec: ListSpec, keys: Sequence[str]) -> None:
        """Show these columns to the principal from now on; none: the usual ones. Raises Invalid for one that the list does not have."""
        user_id = self._user()
        if keys:
            await self.columns.keep(user_id, spec.name, spec.checked_columns(keys))
        else:
            await self.columns.forget(user_id, spec.name)

    async def save(self, spec: ListSpec, name: str, words: str, *, shared: bool) -> ListView:
        """Save what an address says as a view. Raises Invalid."""
        user_id = self._user()
        if await self.views.number_of(user_id, spec.name) >= MOST_VIEWS:
            message = gettext("You have %(number)s views of this list. Delete one first.", number=MOST_VIEWS)
            raise Invalid(message, errors=[FieldError(path="name", message=message)])
        return await self.views.add(
            ListView(
                list_name=spec.name,
                name=_checked_name(name),
                owner_id=user_id,
                shared=self._may_share(shared),
                query=_query_of(spec, words),
            )
        )

    async def update(self, spec: ListSpec, view_id: UUID, words: str) -> ListView:
        """Let a view say what an address says. Raises ViewNotFound, ViewOfAnother."""
        view = await self._changeable(spec, view_id)
        view.query = _query_of(spec, words)
        view.updated_at = clock.now()
        await self.views.session.flush()
        return view

    async def rename(self, spec: ListSpec, view_id: UUID, name: str, *, shared: bool) -> ListView:
        """Call it otherwise, and share it or not. Raises ViewNotFound, ViewOfAnother, Invalid."""
        view = await self._changeable(spec, view_id)
        view.name = _checked_name(name)
        if shared != view.shared:
            view.shared = self._may_share(shared)
        if view.owner_id is None and not view.shared:
            view.owner_id = self._user()  # nobody's any more: whoever keeps it for themselves has it
        view.updated_at = clock.now()
        await self.views.session.flush()
        return view

    async def delete(self, spec: ListSpec, view_id: UUID) -> ListView:
        """Raises ViewNotFound, ViewOfAnother."""
        view = await self._changeable(spec, view_id)
        await self.views.delete(view)
        return view

    async def _changeable(self, spec: ListSpec, view_id: UUID) -> ListView:
        view = await self.views.get(self._user(), view_id)
        if view is None or view.list_name != spec.name:
            raise ViewNotFound
        if view.owner_id != self._principal.user_id and not self._principal.may(Role.ADMIN):
            raise ViewOfAnother
        return view

    def _user(self) -> UUID:
        if self._principal.user_id is None:
            raise Forbidden(gettext("Only people keep views of lists."))
        return self._principal.user_id

    def _may_share(self, shared: bool) -> bool:
        if shared and not self._principal.may(Role.MARKETER):
            raise Forbidden(gettext("Viewers keep views for themselves. Ask a marketer to share one."))
        return shared


def _checked_name(name: str) -> str:
    name = " ".join(name.replace("\0", "").split())
    if not name or len(name) > LONGEST_NAME:
        message = gettext("Give the view a name of at most %(most)s characters.", most=LONGEST_NAME)
        raise Invalid(message, errors=[FieldError(path="name", message=message)])
    return name


def _query_of(spec: ListSpec, words: str) -> dict[str, str]:
    """What a view keeps of an address. Raises Invalid for what the list does not offer."""
    sent = dict(parse_qsl(words))
    filters = {name: sent[name][:LONGEST_FILTER].replace("\0", "") for name in spec.filters if sent.get(name)}
    if unknown := set(sent) - {*spec.filters, SORT, COLUMNS, VIEW}:
        message = gettext("This list has no filter %(name)s.", name=sorted(unknown)[0][:60])
        raise Invalid(message, errors=[FieldError(path="query", message=message)])
    if order := spec.checked_order(sent.get(SORT, "")):
        filters |= {SORT: order} if order != spec.order else {}
    if keys := [key for key in sent.get(COLUMNS, "").split(",") if key]:
        filters[COLUMNS] = ",".join(spec.checked_columns(keys))
    return filters
