"""Each list and count reads a bounded number of rows by an index, in a fixed number of queries, also where nothing fits.

The tables are long against what a page may look at: what walked through them would be seen by the rows and pages that it reads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.contacts.history_repository import ContactHistory
from app.contacts.list_repository import ContactFilter, ContactLists
from app.events.repository import EventRepository
from app.folders.service import FolderService
from app.insights.repository import InsightRepository, RefusalRepository
from app.message_templates.repository import TemplateRepository
from app.messaging.bulk import MessageJobs
from app.messaging.list_repository import MessageList, MessageLists
from app.messaging.repository import MessageRepository
from app.messaging.schemas import MessageFilter
from app.models import DeadLetter, FolderKind
from app.models.status import MessageStatus, WorkflowStatus
from app.runs.list_repository import RunFilter, neighbours
from app.runs.repository import RunRepository
from app.runs.service import statuses_of
from app.subscriptions.suppression_list_repository import SuppressionFilter, SuppressionLists
from app.troubles import service as troubles
from app.troubles.repository import DeadLetters
from app.workflows.repository import VersionRepository, WorkflowRepository
from tests.lists.plans import captured, cost_of
from tests.lists.world import ROWS, ListWorld

NOW = datetime.now(UTC)
FAILED, QUEUED, SUPPRESSED, UNCERTAIN = (
    int(MessageStatus[name]) for name in ("FAILED", "QUEUED", "SUPPRESSED", "UNCERTAIN")
)
PAGE = 25


class Asker(NamedTuple):
    session: AsyncSession
    place: ListWorld
    principal: Principal

    def contacts(self, **wanted: Any) -> Awaitable[Any]:
        return ContactLists(self.session, self.place.tenant).page_of(None, PAGE, ContactFilter(**wanted))

    def runs(self, status: str | None = None, **wanted: Any) -> Awaitable[Any]:
        runs = RunRepository(self.session, self.place.tenant)
        return runs.newest(RunFilter(statuses=statuses_of(status), **wanted), PAGE, None)

    def messages(self, **wanted: Any) -> Awaitable[Any]:
        return MessageLists(self.session, self.place.tenant).newest(MessageList(**wanted), None, PAGE)

    def events(self, **wanted: Any) -> Awaitable[Any]:
        wanted = {"contact_id": None, "name": None, **wanted}
        return EventRepository(self.session, self.place.tenant).newest(None, PAGE, **wanted)

    def workflows(self, folder: Any = None, tag: str | None = None) -> Awaitable[Any]:
        rows = WorkflowRepository(self.session, self.place.tenant)
        return rows.sorted_by(rows.listed(list(WorkflowStatus), None, folder, tag), None, PAGE)

    def suppressions(self, **wanted: Any) -> Awaitable[Any]:
        return SuppressionLists(self.session, self.place.tenant).newest(SuppressionFilter(**wanted), None, PAGE)


Ask = Callable[[Asker], Awaitable[Any]]
CONTACTS: dict[str, tuple[int, int | None, Ask]] = {
    # list: (queries, rows of its first page; None: whatever there is, ask)
    "all": (1, PAGE, lambda ask: ask.contacts()),
    "oldest first": (1, PAGE, lambda ask: ask.contacts(order="created")),
    "by address": (1, PAGE, lambda ask: ask.contacts(order="email")),
    "by address from Z": (1, PAGE, lambda ask: ask.contacts(order="-email")),
    "by address, of a rare tag": (3, 6, lambda ask: ask.contacts(order="email", tags=["rare"])),
    "by address, found": (3, 1, lambda ask: ask.contacts(order="email", search="garcia")),
    "by address, nobody": (3, 0, lambda ask: ask.contacts(order="-email", search="zebra")),
    "search, nearly all": (2, PAGE, lambda ask: ask.contacts(search="world")),
    "search, one": (4, 1, lambda ask: ask.contacts(search="garcia")),
    "search, an id": (4, 1, lambda ask: ask.contacts(search="crm-1234")),
    "search, nobody": (4, 0, lambda ask: ask.contacts(search="zebra")),
    "search, two letters, nobody": (2, 0, lambda ask: ask.contacts(search="qx")),
    "search, frequent and nobody": (4, 0, lambda ask: ask.contacts(search="world zebra")),
    "tag": (1, PAGE, lambda ask: ask.contacts(tags=["tenth"])),
    "tag, few": (1, 6, lambda ask: ask.contacts(tags=["rare"])),
    "tag, nobody": (1, 0, lambda ask: ask.contacts(tags=["none"])),
    "tags, rarest first": (3, 6, lambda ask: ask.contacts(tags=["all", "rare"])),
    "tags, nobody": (3, 0, lambda ask: ask.contacts(tags=["all", "none"])),
    "tags, each frequent": (3, None, lambda ask: ask.contacts(tags=["all", "tenth"])),
    "source": (1, PAGE, lambda ask: ask.contacts(source="web")),
    "source, few": (1, 3, lambda ask: ask.contacts(source="fax")),
    "source, nobody": (1, 0, lambda ask: ask.contacts(source="none")),
    "tag and source, few": (2, 0, lambda ask: ask.contacts(tags=["rare"], source="fax")),
    "email, nobody": (1, 0, lambda ask: ask.contacts(email="nobody@example.com")),
    "email and tag": (1, 0, lambda ask: ask.contacts(email="p5@world.example", tags=["rare"])),
    "reachable": (2, PAGE, lambda ask: ask.contacts(permission="reachable")),
    "bounced": (5, PAGE, lambda ask: ask.contacts(permission="bounced")),
    "complained, few": (4, 6, lambda ask: ask.contacts(permission="complained")),
    "manual, nobody": (4, 0, lambda ask: ask.contacts(permission="manual")),
    "invalid, nobody": (4, 0, lambda ask: ask.contacts(permission="invalid")),
    "no consent, few": (2, 5, lambda ask: ask.contacts(permission="no_consent")),
    "no address, few": (2, 4, lambda ask: ask.contacts(permission="no_address")),
    "no address, nobody": (2, 0, lambda ask: ask.contacts(permission="no_address", search="zebra")),
    "tags to filter by": (1, None, lambda ask: ContactLists(ask.session, ask.place.tenant).common_tags()),
    "counts of one": (
        1,
        None,
        lambda ask: ContactHistory(ask.session, ask.place.tenant, ask.place.contact).counts(),
    ),
}
RUNS: dict[str, tuple[int, int | None, Ask]] = {
    "all": (2, PAGE, lambda ask: ask.runs()),
    "running": (2, PAGE, lambda ask: ask.runs("running")),
    "waiting": (3, PAGE, lambda ask: ask.runs("waiting")),
    "held, few": (2, 5, lambda ask: ask.runs("held")),
    "completed": (3, PAGE, lambda ask: ask.runs("completed")),
    "failed, few": (2, 9, lambda ask: ask.runs("failed")),
    "failed and exited": (2, 17, lambda ask: ask.runs("failed,exited")),
    "goal, none": (1, 0, lambda ask: ask.runs("goal_reached")),
    "held and goal": (2, 5, lambda ask: ask.runs("held,goal_reached")),
    "workflow": (2, PAGE, lambda ask: ask.runs(workflow_id=ask.place.small)),
    "workflow, failed": (2, None, lambda ask: ask.runs("failed", workflow_id=ask.place.small)),
    "workflow, waiting, none": (1, 0, lambda ask: ask.runs("waiting", workflow_id=ask.place.small)),
    "workflow, goal, none": (1, 0, lambda ask: ask.runs("goal_reached", workflow_id=ask.place.flow)),
    "step": (2, PAGE, lambda ask: ask.runs("running", workflow_id=ask.place.flow, node_id="d1")),
    "step, few": (2, 8, lambda ask: ask.runs("running", workflow_id=ask.place.flow, node_id="rare")),
    "step, none": (1, 0, lambda ask: ask.runs("running", workflow_id=ask.place.flow, node_id="none")),
    "step, ended too, none": (2, 0, lambda ask: ask.runs(workflow_id=ask.place.flow, node_id="none")),
    "contact": (3, 3, lambda ask: ask.runs(contact_id=ask.place.contact)),
    "contact, failed, none": (2, 0, lambda ask: ask.runs("goal_reached", contact_id=ask.place.contact)),
    "nobody, few": (2, 7, lambda ask: ask.runs(without_contact=True)),
    "nobody, of a workflow": (3, None, lambda ask: ask.runs(without_contact=True, workflow_id=ask.place.flow)),
    "dates": (
        3,
        PAGE,
        lambda ask: ask.runs(started_from=NOW - timedelta(days=15), started_to=NOW - timedelta(days=14)),
    ),
    "dates, none": (
        2,
        0,
        lambda ask: ask.runs(started_from=NOW - timedelta(days=90), started_to=NOW - timedelta(days=80)),
    ),
    "dates, of a workflow": (
        3,
        PAGE,
        lambda ask: ask.runs(
            workflow_id=ask.place.flow, started_from=NOW - timedelta(days=15), started_to=NOW - timedelta(days=14)
        ),
    ),
    "dates at the ends of time": (
        3,
        PAGE,
        lambda ask: ask.runs(
            started_from=datetime.min.replace(tzinfo=UTC), started_to=datetime.max.replace(tzinfo=UTC)
        ),
    ),
    "another workflow": (1, 0, lambda ask: ask.runs(workflow_id=ask.place.contact)),
    "neighbours": (1, 2, lambda ask: neighbours(ask.session, ask.place.tenant, ask.place.small, ask.place.flow)),
}
MESSAGES: dict[str, tuple[int, int | None, Ask]] = {
    "all": (1, PAGE, lambda ask: ask.messages()),
    "sent": (2, PAGE, lambda ask: ask.messages(status=2)),
    "failed, few": (1, 10, lambda ask: ask.messages(status=FAILED)),
    "suppressed, few": (1, 7, lambda ask: ask.messages(status=SUPPRESSED)),
    "uncertain, none": (1, 0, lambda ask: ask.messages(status=UNCERTAIN)),
    "queued, few": (4, 5, lambda ask: ask.messages(status=QUEUED)),
    "workflow": (1, PAGE, lambda ask: ask.messages(workflow_id=ask.place.flow)),
    "workflow, few": (1, 5, lambda ask: ask.messages(workflow_id=ask.place.small)),
    "workflow, failed, none": (1, 0, lambda ask: ask.messages(workflow_id=ask.place.small, status=UNCERTAIN)),
    "workflow, none": (1, 0, lambda ask: ask.messages(workflow_id=ask.place.contact)),
    "run": (1, 0, lambda ask: ask.messages(run_id=ask.place.flow)),
    "contact": (2, 3, lambda ask: ask.messages(contact_id=ask.place.contact)),
    "connector, none": (2, 0, lambda ask: ask.messages(connector_id=ask.place.flow)),
    "reason, few": (4, 17, lambda ask: ask.messages(reason="bounced")),
    "reason, none": (4, 0, lambda ask: ask.messages(reason="odd")),
    "failed since": (2, None, lambda ask: ask.messages(status=FAILED, since=NOW - timedelta(days=15))),
    "until": (2, PAGE, lambda ask: ask.messages(until=NOW - timedelta(days=15))),
    "until, none": (2, 0, lambda ask: ask.messages(until=NOW - timedelta(days=90))),
    "reasons to filter by": (1, None, lambda ask: MessageRepository(ask.session, ask.place.tenant).reasons()),
    "how many fit": (
        1,
        None,
        lambda ask: MessageJobs(ask.session, ask.principal).count("resend", MessageFilter(status=["failed"])),
    ),
    "jobs": (1, 0, lambda ask: MessageJobs(ask.session, ask.principal).list()),
}
OTHERS: dict[str, tuple[int, int | None, Ask]] = {
    "events": (1, PAGE, lambda ask: ask.events()),
    "events, name, few": (1, 6, lambda ask: ask.events(name="rare")),
    "events, name, none": (1, 0, lambda ask: ask.events(name="none")),
    "events, contact": (2, 3, lambda ask: ask.events(contact_id=ask.place.contact)),
    "events, contact and name, none": (2, 0, lambda ask: ask.events(contact_id=ask.place.contact, name="none")),
    "suppressions": (2, PAGE, lambda ask: ask.suppressions()),
    "suppressions, reason, few": (2, 6, lambda ask: ask.suppressions(reason="complained")),
    "suppressions, reason, none": (1, 0, lambda ask: ask.suppressions(reason="manual")),
    "suppressions, channel, some": (2, PAGE, lambda ask: ask.suppressions(channel=2)),
    "suppressions, channel, none": (1, 0, lambda ask: ask.suppressions(channel=5)),
    "suppressions, channel and reason": (2, 0, lambda ask: ask.suppressions(channel=2, reason="complained")),
    "suppressions, lifted, few": (2, 6, lambda ask: ask.suppressions(lifted=True)),
    "suppressions, search": (5, 1, lambda ask: ask.suppressions(search="p1234@")),
    "suppressions, search, none": (4, 0, lambda ask: ask.suppressions(search="zebra")),
    "suppressions, two letters, none": (2, 0, lambda ask: ask.suppressions(search="qz")),
    "refusals": (
        1,
        PAGE,
        lambda ask: RefusalRepository(ask.session, ask.place.tenant).newest(ask.place.flow, None, PAGE),
    ),
    "refusals, none": (
        1,
        0,
        lambda ask: RefusalRepository(ask.session, ask.place.tenant).newest(ask.place.small, None, PAGE),
    ),
    "dead letters": (
        1,
        PAGE,
        lambda ask: DeadLetters(ask.session, ask.place.tenant).page([DeadLetter.id], None, PAGE, newest=True),
    ),
    "workflows": (
        1,
        2,
        lambda ask: ask.workflows(),
    ),
    "workflows, folder and tag, none": (
        1,
        0,
        lambda ask: ask.workflows(folder=ask.place.flow, tag="x"),
    ),
    "templates, folder and tag, none": (
        1,
        0,
        lambda ask: TemplateRepository(ask.session, ask.place.tenant).by_name(
            None, PAGE, folder=ask.place.flow, tag="x"
        ),
    ),
    "folders": (3, None, lambda ask: FolderService(ask.session, ask.principal).shelf(FolderKind.WORKFLOW)),
    "published last": (1, 2, lambda ask: VersionRepository(ask.session, ask.place.tenant).last_published(6)),
    "due, none": (
        1,
        0,
        lambda ask: InsightRepository(ask.session, ask.place.tenant).due(NOW + timedelta(days=9), 24, 6, 100),
    ),
}
LISTS = {
    f"{of}: {name}": case
    for of, cases in (("contacts", CONTACTS), ("runs", RUNS), ("messages", MESSAGES), ("others", OTHERS))
    for name, case in cases.items()
}
MOST_ROWS, MOST_PAGES = ROWS // 2, 4_000
"""A page looks at 500 rows of each of two tables, twice, and some more; all of one table are 6,000."""


@pytest.fixture
def ask(session: AsyncSession, place: ListWorld, principal: Principal) -> Asker:
    return Asker(session, place, principal)


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_reads_little(ask: Asker, name: str) -> None:
    queries, expected, list_of = LISTS[name]
    with captured(ask.session) as sent:
        answer = await list_of(ask)
    statements = list(sent)
    cost = await cost_of(ask.session, statements, whole_above=500)
    assert not cost.whole, "these are read from end to end"
    assert cost.rows <= MOST_ROWS and cost.pages <= MOST_PAGES, cost
    assert len(statements) == queries, [sql for sql, _ in statements]
    if expected is not None:
        assert len(getattr(answer, "items", answer)) == expected


async def test_home_counts_no_further_than_it_says(ask: Asker) -> None:
    """Thousands of waits end within the hour, and as many events were set aside."""
    insights = InsightRepository(ask.session, ask.place.tenant)
    ((flow, _, count, _, until),) = await insights.due(NOW, 1, 6, most=5_000)
    assert until == [count]
    assert flow == ask.place.flow and 1_000 < count < 4_000
    with captured(ask.session) as sent:
        ((_, _, count, _, _),) = await insights.due(NOW, 1, 6, most=250)
    assert count == 250 and (await cost_of(ask.session, list(sent), whole_above=500)).rows < 1_000
    with captured(ask.session) as sent:
        found = await troubles.of_workspace(ask.session, ask.place.tenant, {})
    assert len(sent) <= 13
    assert {trouble.kind: (trouble.count, trouble.at_least) for trouble in found}["dead_letters"] == (ROWS, False)
