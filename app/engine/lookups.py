"""What is looked up before somebody may enter a workflow: fields of the contact, runs that stand there, earlier entries, past events.

Only of workflows that a contact may really enter, each once a batch, those of many contacts together. What a batch changes on a
contact may open further workflows to it: then only this contact waits, until what is missing of all such contacts is looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.engine import assignments, claim, history, waiting_starts
from app.engine.claim import Cursor, Place
from app.engine.compiled import CompiledFlow
from app.engine.entry import Entries, Key
from app.engine.interest import Behind
from app.engine.loaded_fields import load_fields
from app.engine.matcher import Matcher
from app.engine.segment_reads import SegmentReads
from app.engine.state import ContactState
from app.engine.stored_rows import Item
from app.engine.subscriptions import Live, Version
from app.engine.walk import Batch
from app.flow.settings import REMEMBERED


class Entering(NamedTuple):
    """Workflows that an item may start."""

    item: Item
    flows: Sequence[CompiledFlow]


class EntryLookups:
    """Of one batch. `names`: the fields that its contacts were loaded with; `put_back`: while it may be put back to compile versions;
    `on_turn`: of starts that have waited."""

    def __init__(
        self,
        cursor: Cursor,
        matcher: Matcher,
        batch: Batch,
        places: list[Place],
        names: tuple[str, ...],
        put_back: bool,
        on_turn: bool,
    ) -> None:
        self.cursor, self.matcher, self.batch, self._places = cursor, matcher, batch, places
        self.names, self._put_back = names, put_back
        self.entries = Entries(batch, on_turn=on_turn)
        self._segments = SegmentReads(cursor, matcher, batch, places)
        self._flows: dict[Version, CompiledFlow] = {}
        self._known: set[tuple[bytes, Version]] = set()
        """Contacts and versions, of workflows that the event alone does not choose."""
        self.fields: frozenset[str] = frozenset()
        """What all versions of the batch look at."""

    def flow(self, contact: ContactState, live: Live) -> CompiledFlow | None:
        """The version that a contact may enter; None when something about it has still to be looked up."""
        version = live[:2]
        return self._flows.get(version) if (contact.id, version) in self._known else None

    def resolve(self, starting: Iterable[tuple[Item, Iterable[Live]]]) -> list[Entering]:
        """The versions that items may start, compiled, without those that only another process understands.

        Raises Behind when the batch should rather be put back until they are compiled: others wait for its contacts.
        """
        wanted = [(item, [live[:2] for live in starts]) for item, starts in starting]
        versions = dict.fromkeys(version for _, several in wanted for version in several)
        if self._put_back and (needed := self.matcher.needed(versions)):
            raise Behind({}, needed)
        self._put_back = False
        self.matcher.compile_missing(versions)
        for version in versions.keys() - self._flows.keys() - self.matcher.unreadable.keys():
            self._flows[version] = self.matcher.flow(*version)
        self._known |= {(item.contact_id or b"", version) for item, several in wanted for version in several}
        return [
            Entering(item, [self._flows[version] for version in several if version in self._flows])
            for item, several in wanted
        ]

    def load(self, flows: Iterable[CompiledFlow]) -> None:
        """Load what these versions look at, of all contacts of the batch, unless it is loaded."""
        flows = list(flows)
        self.fields |= self.matcher.fields_of(flows)
        needed = claim.fields(self.fields.union(self.names))
        if needed != self.names:
            load_fields(self.cursor, self.batch.contacts, self._places, needed)
            self.names = needed
        self._segments.load(flows)
        for contact_id, variants in assignments.load(self.cursor, self._places, flows).items():
            if (contact := self.batch.contacts.get(contact_id)) is not None:
                contact.assigned = {**variants, **(contact.assigned or {})}

    def stand(self, entering: Iterable[Entering]) -> None:
        """Look up who stands in these workflows, and who was in before, where the policy of re-entry asks."""
        items: dict[CompiledFlow, list[Item]] = {}
        for item, flows in entering:
            for flow in flows:
                if flow.reentry != "always" and item.contact_id:
                    items.setdefault(flow, []).append(item)
        if not items:
            return
        contacts = contacts_of(item for group in items.values() for item in group)
        standing = history.standing(self.cursor, contacts, list({flow.workflow_id: None for flow in items}))
        earlier: dict[Key, int] = {}
        if remembering := list({flow.workflow_id: None for flow in items if flow.reentry in REMEMBERED}):
            earlier = history.last_started(self.cursor, contacts, remembering)
        self.entries.learn(standing, earlier)
        if from_end := list({flow.workflow_id: None for flow in items if flow.from_end}):
            self.entries.ends |= history.last_ended(self.cursor, contacts, from_end)
        if not self.entries.on_turn and (limited := list({f.workflow_id: None for f in items if f.limits.limited})):
            self.entries.waiting |= waiting_starts.waiting(self.cursor, contacts, limited)

    def past(self, entering: Iterable[Entering]) -> list[Item]:
        """Events that were handled before and may be goals of the runs that begin now."""
        having = [(item, flow) for item, flows in entering for flow in flows if flow.goals and item.contact_id]
        if not having:
            return []
        names = frozenset().union(*(flow.goal_events for _, flow in having))
        return history.past(self.cursor, [item for item, _ in having], names)


def contacts_of(items: Iterable[Item]) -> list[Place]:
    """The contacts of `items`, each once."""
    return list({(item.tenant_id, item.contact_id): None for item in items if item.contact_id})
