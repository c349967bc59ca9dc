"""What can be done with many rows of a list: features offer verbs, `app.lists.bulk` does them batch by batch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import Invalid
from app.lib.translation import gettext
from app.models.status import Role


class BatchResult(NamedTuple):
    """To how many it was done, which of those were otherwise before, to how many it could not be, and why not to the last of these.

    `before`: what the changed rows had, for a verb with `restore`. `refused_names`: for a reason with `%(names)s`.
    """

    done: int
    changed: Sequence[UUID] = ()
    refused: int = 0
    reason: str | None = None
    before: Mapping[UUID, str] = MappingProxyType({})
    refused_names: Sequence[str] = ()


class FittingIds(NamedTuple):
    """Rows that fit a filter; `more` when others may fit besides."""

    ids: Sequence[UUID]
    more: bool


SILENTLY = "silently"
"""An argument of what takes something back: no workflow hears of it."""
DoBatch = Callable[[AsyncSession, Principal, Sequence[UUID], Mapping[str, str]], Awaitable[BatchResult]]
"""Does it to these rows in the caller's transaction. Rows that are gone, or to which it was done before, are left alone."""
Restore = Callable[[AsyncSession, Principal, Mapping[UUID, str], Mapping[str, str]], Awaitable[BatchResult]]
"""Gives each of these rows back what it had before it was done with these arguments. Rows that somebody changed since are refused."""
Arrange = Callable[[AsyncSession, Principal, Sequence[UUID]], Awaitable[Sequence[UUID]]]
"""The rows in the order in which it can be done to most of them."""
CheckArguments = Callable[[AsyncSession, Principal, Mapping[str, str]], Awaitable[tuple[dict[str, str], str]]]
"""The arguments as they are stored, and what they are called. Raises Invalid."""
CheckRows = Callable[[AsyncSession, Principal, Sequence[UUID], Mapping[str, str]], Awaitable[None]]
"""Raises Invalid where it would change none of these rows: whoever asks is told before a job begins."""
FindTags = Callable[[AsyncSession, Principal, str], Awaitable[Sequence[str]]]
"""The first tags of the workspace in which these letters are."""
FindFitting = Callable[[AsyncSession, Principal, Mapping[str, str], int], Awaitable[FittingIds]]
"""The first rows that fit the filters of an address, in the order of the list, up to a number."""


async def no_arguments(
    _session: AsyncSession, _principal: Principal, _sent: Mapping[str, str]
) -> tuple[dict[str, str], str]:
    """Of a verb that takes none."""
    return {}, ""


async def _as_sent(_session: AsyncSession, _principal: Principal, ids: Sequence[UUID]) -> Sequence[UUID]:
    """Of a verb to which the order is all the same."""
    return ids


async def _any_rows(
    _session: AsyncSession, _principal: Principal, _ids: Sequence[UUID], _arguments: Mapping[str, str]
) -> None:
    """Of a verb whose outcome says enough."""


async def _no_tags(_session: AsyncSession, _principal: Principal, _letters: str) -> Sequence[str]:
    """Of rows without tags."""
    return ()


class BulkVerb(NamedTuple):
    """`sentence` says what was done, marked for translation, with `%(rows)s` and `%(label)s`.

    It can be taken back by another verb, `undo`, which does the same to all, or by `restore`, where each row had something of its own.
    """

    name: str
    do: DoBatch
    sentence: str
    check: CheckArguments = no_arguments
    undo: str = ""
    restore: Restore | None = None
    arrange: Arrange = _as_sent
    check_rows: CheckRows = _any_rows
    batch: int = 500
    """Rows of one transaction: about 0.2 s, so that nobody waits long for a row."""
    most: int = 10_000
    role: Role = Role.MARKETER
    role_for_all: Role = Role.MARKETER
    """For all rows that fit a filter."""

    @property
    def reversible(self) -> bool:
        return bool(self.undo or self.restore)


class BulkList(NamedTuple):
    """The verbs of a list, and what its rows are called: a word of `counted`."""

    noun: str
    fitting: FindFitting
    verbs: Mapping[str, BulkVerb]
    tags: FindTags


_BULK: dict[str, BulkList] = {}


def offer_verbs(
    list_name: str, noun: str, fitting: FindFitting, verbs: Sequence[BulkVerb], tags: FindTags = _no_tags
) -> BulkList:
    """Let people do these with many rows of a list."""
    _BULK[list_name] = BulkList(noun, fitting, {verb.name: verb for verb in verbs}, tags)
    return _BULK[list_name]


def verbs_of(list_name: str) -> BulkList:
    """Raises Invalid for a list with which nothing is done at once."""
    if list_name not in _BULK:
        raise Invalid(gettext("Nothing can be done with many of these at once."))
    return _BULK[list_name]


def bulk_verb(list_name: str, name: str) -> BulkVerb:
    """Raises Invalid."""
    verb = verbs_of(list_name).verbs.get(name)
    if verb is None:
        raise Invalid(errors=[{"path": "verb", "message": gettext("Say what to do with them.")}])
    return verb
