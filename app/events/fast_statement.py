"""Run the statements of `fast_repository` for requests that wait together: rows to parameters, and the answer to outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from app.accounts.principal import Principal
from app.events.fast_answers import Stored, content_of
from app.events.fast_reading import BY, NO_TEXT, SEPARATOR, PlainEvent, PlainRequest, read_plain
from app.events.fast_repository import NO_CONTACT, STORE, STORE_NEW
from app.lib import clock, ids
from app.lib.binary_fields import Int2s, Int4s, Jsons, Stamps, Texts, Uuids, int2, int4, microseconds, pack, text
from app.lib.prepared_statements import PreparedStatements

_KINDS = [int2(kind) for kind in range(len(BY))]
_NAMES = [b"store_%d" % which for which in range(len(STORE))]
_ID = len(NO_CONTACT)


class NotTaken(NamedTuple):
    """Nothing of the request was stored. `key_changed`: its key does not stand as it did. `lacks`: only contacts that can be made."""

    key_changed: bool = False
    lacks: bool = False


NOT_TAKEN = NotTaken()
KEY_CHANGED = NotTaken(key_changed=True)
LACKS_CONTACTS = NotTaken(lacks=True)
Outcome = Stored | NotTaken


class PlainPending:
    """One request in the queue and the future that its route waits for. `plain` is None until it is read."""

    __slots__ = ("begun", "body", "keys", "outcome", "plain", "principal", "size")

    def __init__(
        self, principal: Principal, body: bytes, plain: PlainRequest | None, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.principal, self.body, self.plain = principal, body, plain
        self.size = 1 if plain is None else len(plain.events)
        self.keys: list[tuple[int, str]] = []
        """The ids that their sender gave to its events, with the workspace."""
        self.begun = loop.time()
        self.outcome: asyncio.Future[bytes | NotTaken] = loop.create_future()

    @property
    def events(self) -> list[PlainEvent]:
        """Those of a request that was read."""
        assert self.plain is not None  # noqa: S101  what could not be read is in no batch
        return self.plain.events

    def read(self, latest: datetime) -> bool:
        """Is it plain? Reads it when it was not read; many are read one after the other, which is half the work."""
        if self.plain is None:
            self.plain = read_plain(self.body, latest)
            if self.plain is None:
                return False
        tenant_id = self.principal.tenant_id
        self.keys = [(tenant_id, event.key) for event in self.plain.events if event.key is not None]
        return True

    def answer(self, outcome: Outcome | Exception) -> None:
        """Nobody may wait any more: the client went away."""
        if self.outcome.done():
            return
        if isinstance(outcome, Exception):
            self.outcome.set_exception(outcome)
        elif isinstance(outcome, NotTaken):
            self.outcome.set_result(outcome)
        elif self.plain is not None:
            try:
                self.outcome.set_result(content_of(self.plain, outcome))
            except Exception as error:  # those beside it are to be answered
                self.outcome.set_exception(error)


async def store(link: PreparedStatements, batch: Sequence[PlainPending]) -> list[Outcome]:
    """Store what is plain and whose contacts are there; the statement commits by itself. Raises psycopg.Error."""
    rows = [event for pending in batch for event in pending.events]
    new_ids, now = ids.uuid7_many(len(rows)), clock.now()
    columns = [*zip(*rows, strict=True)]
    which = sum([1 << place for place, kind in enumerate(_KINDS) if kind in columns[0]])
    row = await link.run(_NAMES[which], STORE[which], _parameters(batch, columns, new_ids, now))
    return _outcomes(batch, row, new_ids, now)


async def store_new(link: PreparedStatements, batch: Sequence[PlainPending]) -> list[Outcome]:
    """The same for requests that lack contacts, which are made with their events. Raises psycopg.Error."""
    rows = [event for pending in batch for event in pending.events]
    count, now = len(rows), clock.now()
    every_id = ids.uuid7_many(3 * count)  # what says that a contact was made comes before what it was made for
    new_ids = every_id[2 * count :]
    parameters = _parameters(batch, [*zip(*rows, strict=True)], new_ids, now)
    parameters += [Uuids(every_id[:count]).data, Uuids(every_id[count : 2 * count]).data]
    return _outcomes(batch, await link.run(b"store_new", STORE_NEW, parameters), new_ids, now)


def _parameters(
    batch: Sequence[PlainPending], columns: Sequence[tuple[Any, ...]], new_ids: list[bytes], now: datetime
) -> list[bytes]:
    kinds, values, names, properties, keys, occurred, *_ = columns
    requests: list[bytes] = []
    tenants: list[bytes] = []
    for number, pending in enumerate(batch):
        count = len(pending.events)
        requests += [int4(number)] * count
        tenants += [int4(pending.principal.tenant_id)] * count
    standings = {(pending.principal.id, pending.principal.standing) for pending in batch}
    return [
        Uuids([key_id.bytes for key_id, _ in standings]).data,
        Texts([text(standing) for _, standing in standings]).data,
        pack(">q", microseconds(now)),
        Int4s(requests).data,
        Int4s(tenants).data,
        Int2s(kinds).data,
        SEPARATOR.join(values).encode(),
        Uuids(new_ids).data,
        SEPARATOR.join(names).encode(),
        Jsons(properties).data,
        SEPARATOR.join([NO_TEXT if key is None else key for key in keys]).encode(),
        Stamps(occurred).data,
    ]


def _outcomes(
    batch: Sequence[PlainPending], row: list[bytes | None], new_ids: list[bytes], now: datetime
) -> list[Outcome]:
    holds, in_doubt, lacking, contacts = row
    if holds != b"\1" or contacts is None:
        return [KEY_CHANGED] * len(batch)
    left_out: dict[int, Outcome] = dict.fromkeys(_numbers(in_doubt), NOT_TAKEN)
    left_out |= dict.fromkeys(_numbers(lacking), LACKS_CONTACTS)
    text_ids = contacts.decode()
    outcomes: list[Outcome] = []
    begin = 0
    for number, pending in enumerate(batch):
        end = begin + len(pending.events)
        if number in left_out:
            outcomes.append(left_out[number])
        else:
            contact_ids = [text_ids[at : at + _ID] for at in range(begin * _ID, end * _ID, _ID)]
            outcomes.append(Stored(new_ids[begin:end], contact_ids, now))
        begin = end
    return outcomes


def _numbers(listed: bytes | None) -> Iterator[int]:
    return map(int, listed.split()) if listed else iter(())
