"""All pages of a list together are what fits, in order and once each, though a page looks at few rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts.list_repository import ContactFilter, ContactLists
from app.messaging.list_repository import MessageList, MessageLists
from app.models import Contact, Message, Run, Suppression
from app.models.status import RunStatus
from app.runs.list_repository import RunFilter, ids_of_page
from app.subscriptions.suppression_list_repository import SuppressionFilter, SuppressionLists
from app.web.pagination import Page
from tests.lists.world import ListWorld

NOW = datetime.now(UTC)
MOST_PAGES = 400


async def every(page_from: Callable[[str | None], Awaitable[Page[Any]]]) -> list[Any]:
    items, cursor = list[Any](), None
    for _ in range(MOST_PAGES):
        page = await page_from(cursor)
        items += page.items
        if page.next_cursor is None:
            return items
        assert page.next_cursor != cursor
        cursor = page.next_cursor
    raise AssertionError("the list does not end")


TAGGED = "id in (select contact_id from contact_tags where tenant_id = contacts.tenant_id and tag = '{}')"
CONTACTS: dict[str, tuple[ContactFilter, str]] = {
    "frequent word": (ContactFilter(search="person 1"), "search like '%person%' and search like '%1%'"),
    "word of some": (ContactFilter(search="crm-59"), "search like '%crm-59%'"),
    "two letters": (ContactFilter(search="77"), "search like '%77%'"),
    "two tags": (ContactFilter(tags=["all", "tenth"]), TAGGED.format("tenth")),
    "tag and source": (
        ContactFilter(tags=["tenth"], source="api"),
        f"{TAGGED.format('tenth')} and source = 'api'",
    ),
    "no consent and a word": (
        ContactFilter(permission="no_consent", search="person"),
        """consent = '{"email": false}' and email not in
          (select address from suppressions where lifted_at is null and reason = 'complained')""",
    ),
    "no address": (ContactFilter(permission="no_address"), "email is null"),
    "complained": (
        ContactFilter(permission="complained"),
        "email in (select address from suppressions s where s.tenant_id = contacts.tenant_id and reason = 'complained' and channel = 1"
        " and lifted_at is null)",
    ),
    "nobody": (ContactFilter(search="world zebra"), "false"),
}


@pytest.mark.parametrize("name", CONTACTS)
async def test_contacts(session: AsyncSession, place: ListWorld, name: str) -> None:
    wanted, sql = CONTACTS[name]
    query = select(Contact.id).where(Contact.tenant_id == place.tenant, text(sql))
    expected = (await session.scalars(query.order_by(Contact.created_at.desc(), Contact.id.desc()))).all()
    lists = ContactLists(session, place.tenant)
    assert [one.id for one in await every(lambda cursor: lists.newest(cursor, 60, wanted))] == expected


BY_ADDRESS = "email {0} nulls last, created_at desc, id desc"
ORDERS = {
    "created": "created_at, id",
    "email": BY_ADDRESS.format("asc"),
    "-email": BY_ADDRESS.format("desc"),
}


@pytest.mark.parametrize("name", ["two tags", "word of some", "no address", "no consent and a word", "frequent word"])
@pytest.mark.parametrize("order", ORDERS)
async def test_contacts_in_other_orders(session: AsyncSession, place: ListWorld, order: str, name: str) -> None:
    wanted, sql = CONTACTS[name]
    query = select(Contact.id).where(Contact.tenant_id == place.tenant, text(sql)).order_by(text(ORDERS[order]))
    expected = (await session.scalars(query)).all()
    lists = ContactLists(session, place.tenant)
    rows = await every(lambda cursor: lists.page_of(cursor, 60, wanted._replace(order=order)))
    assert [one.id for one in rows] == expected


STATUSES: list[Sequence[RunStatus] | None] = [
    None,
    [RunStatus.WAITING, RunStatus.FAILED],
    [RunStatus.COMPLETED],
    [RunStatus.HELD],
]


@pytest.mark.parametrize(
    ("statuses", "of_workflow", "node_id", "dates"), [*product(STATUSES, (False, True), (None, "rare"), (False, True))]
)
async def test_runs(
    session: AsyncSession,
    place: ListWorld,
    statuses: Sequence[RunStatus] | None,
    of_workflow: bool,
    node_id: str | None,
    dates: bool,
) -> None:
    wanted = RunFilter(
        workflow_id=place.flow if of_workflow else None,
        statuses=statuses,
        node_id=node_id,
        started_from=NOW - timedelta(days=12) if dates else None,
        started_to=NOW - timedelta(days=9) if dates else None,
    )
    query = select(Run.id).where(Run.tenant_id == place.tenant)
    query = query.where(Run.workflow_id == wanted.workflow_id) if of_workflow else query
    query = query.where(Run.status.in_(statuses)) if statuses else query
    query = query.where(Run.current_node_id == node_id) if node_id else query
    query = query.where(Run.started_at >= wanted.started_from, Run.started_at < wanted.started_to) if dates else query
    expected = (await session.scalars(query.order_by(Run.id.desc()))).all()
    ids, before = list[Any](), None
    for _ in range(MOST_PAGES):
        page = await ids_of_page(session, place.tenant, wanted, before, 400)
        ids, before = ids + page.ids, page.next_before
        if before is None:
            break
    assert ids == expected


@pytest.mark.parametrize(
    ("wanted", "sql"),
    [
        (RunFilter(), "true"),
        (
            RunFilter(statuses=[RunStatus.WAITING, RunStatus.FAILED]),
            f"status in ({RunStatus.WAITING:d}, {RunStatus.FAILED:d})",
        ),
        (RunFilter(node_id="rare"), "current_node_id = 'rare'"),
        (RunFilter(version=2), "false"),
    ],
    ids=["all", "two statuses", "at a step", "of a version that has none"],
)
async def test_runs_oldest_first(session: AsyncSession, place: ListWorld, wanted: RunFilter, sql: str) -> None:
    expected = (
        await session.scalars(select(Run.id).where(Run.tenant_id == place.tenant, text(sql)).order_by(Run.id))
    ).all()
    ids, after = list[Any](), None
    for _ in range(MOST_PAGES):
        page = await ids_of_page(session, place.tenant, wanted._replace(oldest_first=True), after, 400)
        ids, after = ids + page.ids, page.next_before
        if after is None:
            break
    assert ids == expected


@pytest.mark.parametrize(
    ("wanted", "sql"), [(MessageList(), "true"), (MessageList(reason="bounced"), "reason = 'bounced'")]
)
async def test_messages_oldest_first(session: AsyncSession, place: ListWorld, wanted: MessageList, sql: str) -> None:
    query = select(Message.run_id).where(Message.tenant_id == place.tenant, text(sql)).order_by(Message.run_id)
    expected = (await session.scalars(query)).all()
    lists, wanted = MessageLists(session, place.tenant), wanted._replace(oldest_first=True)
    assert [one.run_id for one in await every(lambda cursor: lists.newest(wanted, cursor, 90))] == expected


@pytest.mark.parametrize(
    ("wanted", "sql"),
    [
        (MessageList(reason="bounced"), "reason = 'bounced'"),
        (MessageList(status=0), "status = 0"),
        (
            MessageList(status=2, until=NOW - timedelta(days=17)),
            f"status = 2 and settled_at <= '{NOW - timedelta(days=17)}'",
        ),
        (MessageList(since=NOW - timedelta(days=1)), f"settled_at >= '{NOW - timedelta(days=1)}'"),
        (
            MessageList(status=8, since=NOW - timedelta(days=10)),
            f"status = 8 and settled_at >= '{NOW - timedelta(days=10)}'",
        ),
    ],
    ids=["of a reason", "queued", "sent long ago", "of a day", "failed lately"],
)
async def test_messages(session: AsyncSession, place: ListWorld, wanted: MessageList, sql: str) -> None:
    query = select(Message.run_id).where(Message.tenant_id == place.tenant, text(sql)).order_by(Message.run_id.desc())
    expected = (await session.scalars(query)).all()
    lists = MessageLists(session, place.tenant)
    assert [one.run_id for one in await every(lambda cursor: lists.newest(wanted, cursor, 90))] == expected


@pytest.mark.parametrize(
    ("wanted", "sql"),
    [
        (
            SuppressionFilter(channel=2, reason="complained"),
            "channel = 2 and reason = 'complained' and lifted_at is null",
        ),
        (SuppressionFilter(search="p12"), "address like '%p12%' and lifted_at is null"),
        (SuppressionFilter(search="5@", channel=1), "address like '%5@%' and channel = 1 and lifted_at is null"),
        (SuppressionFilter(lifted=True, reason="bounced"), "reason = 'bounced' and lifted_at is not null"),
    ],
)
async def test_suppressions(session: AsyncSession, place: ListWorld, wanted: SuppressionFilter, sql: str) -> None:
    query = select(Suppression.address).where(Suppression.tenant_id == place.tenant, text(sql))
    expected = (await session.scalars(query.order_by(Suppression.at.desc(), Suppression.address.desc()))).all()
    lists = SuppressionLists(session, place.tenant)
    rows = await every(lambda cursor: lists.newest(wanted, cursor, 90))
    assert [row.suppression.address for row in rows] == expected
    if rows:
        owner = select(Contact.id).where(
            Contact.tenant_id == place.tenant, Contact.email == rows[0].suppression.address
        )
        assert rows[0].contact_id == await session.scalar(owner)
