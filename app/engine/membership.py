"""Who enters and leaves dynamic segments by what one batch did: events, changes of contacts, runs, and time.

In the transaction of the batch, under the contacts' locks which it holds, so a membership is as true as what it was judged by, and whoever
is told of it is told exactly once. Only what may really move somebody is judged: rules that read what has changed, and of events
those alone that turn a count (`app.membership.book`). A workspace without dynamic segments costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any, NamedTuple
from uuid import UUID

from app.engine import claim, rows
from app.engine.claim import Cursor
from app.engine.limits import MAX_DEPTH
from app.engine.state import ContactState, RunState
from app.engine.stored_rows import Item
from app.flow.segment_judge import FOREVER, NOTHING, Sum
from app.inbox import InboxKind
from app.lib.zones import zone_of
from app.membership.book import CHANGES, CREATED, TIMED, Book, changed_paths
from app.membership.state_repository import State, StateRepository
from app.segment_member_repository import Move, move

_NEW = State(0, frozenset(), None)


class _Cause(NamedTuple):
    """The workflow behind what moved a contact, as other changes of contacts have it. `depth` None: nobody is told."""

    workflow_id: bytes | None = None
    depth: int | None = 0


class _Judged(NamedTuple):
    """States that changed, and who moves: pairs of segment and contact."""

    states: Mapping[bytes, State]
    entering: list[tuple[int, bytes]]
    leaving: list[tuple[int, bytes]]


class JudgedContact:
    """A contact at an instant, as rules look at it."""

    event: Mapping[str, Any] = {}
    steps: Mapping[str, Any] = {}
    vars: Mapping[str, Any] = {}
    event_name = ""

    def __init__(self, contact: ContactState, moment: int, timezone: str | None) -> None:
        self.contact, self.moment, self._timezone = contact, moment, timezone
        self.consent: Mapping[str, Any] = contact.consent
        self.facts: Mapping[int, Sum] = {}
        self.segments: set[int] = set()
        self.workflows: Mapping[UUID, set[str]] = {}

    @property
    def now(self) -> datetime:
        return rows.instant(self.moment)

    @property
    def zone(self) -> tzinfo:
        return zone_of(self.contact.columns.get("timezone"), self._timezone)


class WorkspaceMembership:
    """What happened to contacts of one workspace in one transaction, and what follows from it. `contacts`: those that are locked."""

    def __init__(
        self,
        cursor: Cursor,
        book: Book,
        tenant_id: int,
        contacts: Mapping[bytes, ContactState],
        now: int,
        *,
        builds: bool,
    ) -> None:
        """`builds`: contacts that are behind are built. Not by who did not claim from the inbox in turn: somebody may hold an event of
        such a contact who knows nothing of what is to be counted (`SegmentBuilder`)."""
        self.book, self.tenant_id, self.now = book, tenant_id, now
        self._cursor, self._contacts = cursor, contacts
        self._rows, self._builds = StateRepository(cursor, tenant_id), builds
        self._keys: dict[bytes, set[str]] = {}
        self._followed: dict[bytes, set[str]] = {}
        """The same of changes of which nobody is told."""
        self._counted: dict[tuple[bytes, int], list[int]] = {}
        """Instants of events, by contact and what they count for."""
        self._plain = {name: [fact for fact, _ in book.counting(name)] for name in book.unconditional - CHANGES}
        """What most events count for: those that say no more than their name."""
        self._woken: set[bytes] = set()
        self._causes: dict[bytes, _Cause] = {}
        self._lanes: dict[bytes, int] = {}
        """Of the inbox, of those to whom something happened out of another lane than everybody's."""
        self._states: dict[bytes, State] = {}
        self._turned: dict[bytes, list[int]] = {}
        self._put: dict[tuple[bytes, int], Sum] = {}
        self._places: Mapping[tuple[bytes, int], bytes] = {}
        """Where those of them are stored that are not new."""
        self._late: dict[bytes, int] = {}
        """Contacts that were behind, with the epoch up to which they had been built."""

    # What happened -------------------------------------------------------------------------------------------------

    def happened(self, item: Item) -> None:
        """An event of the inbox that concerns rules, or a change of which nobody is told: then nobody is told who moves by it either."""
        contact = item.contact_id
        if contact is None or contact not in self._contacts:
            return
        name, kind = item.name, item.kind
        if item.lane:
            self._lanes[contact] = item.lane
        if kind == InboxKind.EVENT and item.workflow_id is None and name in self._plain:
            for fact in self._plain[name]:
                self._counted.setdefault((contact, fact), []).append(item.occurred_at)
            return
        counting = () if kind == InboxKind.FOLLOW else self.book.counting(name)
        properties: Mapping[str, Any] | None = None
        if name in CHANGES or any(test is not None for _, test in counting):
            properties = rows.decode(item.payload) if item.payload else {}
        if name in CHANGES and (keys := self.book.concerned(name, properties or {})):
            (self._followed if kind == InboxKind.FOLLOW else self._keys).setdefault(contact, set()).update(keys)
        for fact, test in counting:
            if test is None or test(properties or {}):
                self._counted.setdefault((contact, fact), []).append(item.occurred_at)
        if item.workflow_id is not None and kind != InboxKind.FOLLOW:
            self._causes[contact] = _Cause(item.workflow_id, item.depth)

    def changed(self, contact: ContactState, run: RunState) -> None:
        """Runs have changed a contact. What they touched may be as it was: then nothing of it is loaded to find out."""
        touched = {name for change in contact.changes for name in change.fields()}
        self._keys.setdefault(contact.id, set()).update(
            changed_paths([*touched, *(f"attributes.{one}" for one in touched)])
        )
        self._causes[contact.id] = _Cause(run.flow.workflow_id, run.depth + 1 if run.depth < MAX_DEPTH else None)
        if run.lane:
            self._lanes[contact.id] = run.lane

    def moved(self, run: RunState) -> None:
        """A run has come in, gone on or ended."""
        if run.contact.id:
            self._keys.setdefault(run.contact.id, set()).add(f"workflow:{UUID(bytes=run.flow.workflow_id)}")
            self._causes.setdefault(run.contact.id, _Cause(run.flow.workflow_id, run.depth + 1))
            if run.lane:
                self._lanes.setdefault(run.contact.id, run.lane)

    def woken(self, contacts: Iterable[bytes]) -> None:
        """The time has come at which their membership may change by itself."""
        for contact in contacts:
            self._woken.add(contact)
            self._keys.setdefault(contact, set()).add(TIMED)

    # What follows --------------------------------------------------------------------------------------------------

    def apply(self, shard: int) -> int:
        """Judge and write; answers how many contacts were behind."""
        if not self._keys and not self._followed and not self._counted:
            return 0
        if self.book.building:
            concerned = self._concerned()
            self._states = self._rows.states(concerned)
            self._note_late(concerned)
            if self._builds:
                self._build()
        self._count()
        self._write(self._judged(self._touched()), shard)
        self._rows.put_facts(self._put, self._places)
        return len(self._late)

    def foreseen(self, states: Mapping[bytes, State]) -> dict[bytes, frozenset[int]]:
        """The segments of those whom this moves, as `apply` will write them; writes nothing. `states`: those of all contacts that have one.

        Versions that were not built yet for somebody say nothing about them.
        """
        self._states = dict(states)
        if self.book.building:
            self._note_late(self._concerned())
        self._count()
        judged = self._judged(self._touched())
        return {contact: state.segments for contact, state in judged.states.items()}

    def _concerned(self) -> set[bytes]:
        concerned = {contact for contact in self._keys.keys() | self._followed.keys() if contact in self._contacts}
        return concerned | {contact for contact, _ in self._counted}

    def _note_late(self, concerned: Iterable[bytes]) -> None:
        built = {contact: self._states.get(contact, _NEW).built for contact in concerned}
        self._late = {contact: epoch for contact, epoch in built.items() if epoch < self.book.epoch}

    def _build(self) -> None:
        """Count for contacts that are behind what they were not counted for. All that this batch took counts among it."""
        groups: dict[int, list[bytes]] = {}
        for contact, epoch in self._late.items():
            groups.setdefault(epoch, []).append(contact)
        for epoch, contacts in groups.items():
            facts = [one for one in self.book.facts.values() if one.epoch > epoch]
            if facts:
                self._rows.recount(contacts, facts, self.book)

    def _count(self) -> None:
        """Add the events to the facts, and note which bits they turn."""
        late, facts, now = self._late, self.book.facts, self.now
        counted = self._counted
        if late:
            counted = {
                one: at for one, at in counted.items() if facts[one[1]].epoch <= late.get(one[0], self.book.epoch)
            }
        if not counted:
            return
        before, put, turned_by = self._rows.pairs(counted), self._put, self.book.turned
        for pair, instants in counted.items():
            known, (contact, fact) = before.get(pair), pair
            old = NOTHING if known is None else known.sum
            new = put[pair] = old.plus(instants, facts[fact].fact.keep)
            if turned := turned_by(fact, old, new, now):
                self._turned.setdefault(contact, []).extend(turned)
        self._places = {pair: known.place for pair, known in before.items()}

    def _touched(self) -> dict[bytes, list[int]]:
        """Versions by which each contact has to be judged, those that others read first. Most events turn nothing, so most are not."""
        touched: dict[bytes, list[int]] = {}
        for contact in self._turned.keys() | self._keys.keys() | self._followed.keys() | self._late.keys():
            if contact not in self._contacts:
                continue
            late, followed = self._late.get(contact), self._followed.get(contact)
            versions = self._audible(contact)
            if followed is not None:
                versions = self.book.touched(followed, versions)
            if late is not None and not self._builds:
                versions = [number for number in versions if self.book.versions[number].epoch <= late]
            if versions or contact in self._late or contact in self._woken:
                touched[contact] = versions
        if unknown := [contact for contact in touched if contact not in self._states]:
            self._states |= self._rows.states(unknown)
        everything = self.book.touched((CREATED,))
        return {
            contact: versions if contact in self._states or contact in self._late else everything
            for contact, versions in touched.items()
        }

    def _audible(self, contact: bytes) -> list[int]:
        """Versions by which a contact has to be judged because of what workflows hear of."""
        numbers, late = list(self._turned.get(contact, ())), self._late.get(contact)
        if late is not None and self._builds:
            numbers += [one.number for one in self.book.versions.values() if one.epoch > late]
        return self.book.touched(self._keys.get(contact, ()), numbers)

    def _judged(self, touched: Mapping[bytes, list[int]]) -> _Judged:
        entering, leaving = list[tuple[int, bytes]](), list[tuple[int, bytes]]()
        states: dict[bytes, State] = {}
        views = self._views(touched) if touched else {}
        for contact, view in views.items():
            known = self._states.get(contact)
            before = known or _NEW
            segments, earliest = {one for one in before.segments if one in self.book.versions}, FOREVER
            for number in touched[contact]:
                held, until = self.book.judges[number](view)
                earliest = min(earliest, until)
                if held is True and number not in segments:
                    segments.add(number)
                    entering.append((number, contact))
                elif held is not True and number in segments:
                    segments.discard(number)
                    leaving.append((number, contact))
                (view.segments.add if held is True else view.segments.discard)(number)
            state = State(
                self._built(contact, known),
                frozenset(segments),
                self._next(contact, before, earliest),
            )
            if state != known:
                states[contact] = state
        return _Judged(states, entering, leaving)

    def _write(self, judged: _Judged, shard: int) -> None:
        self._rows.put_states(judged.states)
        self._move(judged.entering, judged.leaving, shard)

    def _built(self, contact: bytes, known: State | None) -> int:
        if contact in self._late:
            return self.book.epoch if self._builds else self._late[contact]
        return self.book.epoch if known is None else known.built

    def _next(self, contact: bytes, before: State, earliest: int) -> int | None:
        """Only an earlier turn is written: that a turn has moved later is found out when this one comes."""
        turn = None if earliest >= FOREVER else earliest
        if contact in self._woken or before.next_at is None:
            return turn
        return before.next_at if turn is None else min(turn, before.next_at)

    def _views(self, touched: Mapping[bytes, list[int]]) -> dict[bytes, JudgedContact]:
        """The contacts as rules look at them: as they are stored by now, with what this batch has added to the facts."""
        contacts = [contact for contact in touched if contact in self._contacts]
        book = self.book
        facts = self._facts_of(touched)
        static = self._rows.static(contacts, book.static) if book.static else {}
        names = claim.fields(book.fields)
        stored = claim.stored_fields(self._cursor, self.tenant_id, contacts, names)
        workflows = self._rows.workflows(contacts, book.workflows) if book.workflows else {}
        views = {}
        for contact, raw in stored.items():
            view = views[contact] = JudgedContact(ContactState(contact, names, raw), self.now, book.timezone)
            view.facts = facts.get(contact, {})
            view.workflows = workflows.get(contact, {})
            view.segments = set(self._states.get(contact, _NEW).segments) | static.get(contact, set())
        return views

    def _facts_of(self, touched: Mapping[bytes, list[int]]) -> dict[bytes, dict[int, Sum]]:
        """What the rules read that contacts are judged by: mostly what this batch has counted, so nothing is read."""
        book, facts, unread = self.book, dict[bytes, dict[int, Sum]](), list[tuple[bytes, int]]()
        for contact, numbers in touched.items():
            of_contact = facts[contact] = {}
            for fact in {fact for number in numbers for fact in book.facts_of[number]}:
                if (counted := self._put.get((contact, fact))) is not None:
                    of_contact[fact] = counted
                else:
                    unread.append((contact, fact))
        for (contact, fact), stored_sum in self._rows.pairs(unread).items():
            facts[contact][fact] = stored_sum.sum
        return facts

    def _move(self, entering: list[tuple[int, bytes]], leaving: list[tuple[int, bytes]], shard: int) -> None:
        silent = {number for number, version in self.book.versions.items() if version.silent}
        announced = [[one for one in moves if one[0] not in silent] for moves in (entering, leaving)]
        quiet = [[one for one in moves if one[0] in silent] for moves in (entering, leaving)]
        self._rows.move_silently(quiet[0], quiet[1], shard)
        entered, left = ([self._told(number, contact) for number, contact in moves] for moves in announced)
        move(self._cursor, entering=entered, leaving=left, shard=shard)

    def _told(self, number: int, contact: bytes) -> Move:
        cause, lane = self._causes.get(contact, _Cause()), self._lanes.get(contact, 0)
        if contact in self._followed and number not in self._audible(contact):
            return Move(self.tenant_id, number, UUID(bytes=contact), depth=None, lane=lane)
        workflow_id = UUID(bytes=cause.workflow_id) if cause.workflow_id else None
        return Move(self.tenant_id, number, UUID(bytes=contact), workflow_id, cause.depth, lane)
