"""Each tag of a contact is a row of `contact_tags`, whoever wrote it: the API, an import, an erasure."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts import erasure_repository
from app.contacts.fields import ContactPatch
from app.contacts.tag_repository import UNLIKE
from app.contacts.upserting import upsert_many
from app.lib import clock
from app.models.workspace import Workspace

TAGS = st.lists(st.sampled_from(["a", "b", "c", "ä'%", "B"]), max_size=4).map(tuple)
CHANGES = st.builds(
    lambda external_id, replace, add, remove: ContactPatch(
        texts={"external_id": external_id}, replace_tags=replace, add_tags=add, remove_tags=remove
    ),
    st.sampled_from("xyz"),
    st.none() | TAGS.map(lambda tags: tuple(dict.fromkeys(tags))),
    TAGS,
    TAGS,
)


async def unlike(session: AsyncSession) -> list[Any]:
    return list((await session.execute(text(UNLIKE))).all())


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(CHANGES, max_size=8))
async def test_upserts(db_session: AsyncSession, workspace: Workspace, changes: list[ContactPatch]) -> None:
    for change in changes:
        await upsert_many(db_session, workspace.id, [change], via="api")
        assert await unlike(db_session) == []
    rows = await db_session.execute(
        text("select id, external_id, cardinality(tags) as n from contacts where tenant_id = :tenant"),
        {"tenant": workspace.id},
    )
    sum_of_tags = sum(row.n for row in rows)
    counted = await db_session.scalar(
        text("select count(*) from contact_tags where tenant_id = :tenant"), {"tenant": workspace.id}
    )
    assert counted == sum_of_tags


async def test_many_at_once_and_an_erasure(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    for tenant in (workspace, other_workspace):
        patches = [ContactPatch(texts={"external_id": f"u{n}"}, add_tags=("all", f"t{n}")) for n in range(5)]
        outcomes = await upsert_many(db_session, tenant.id, patches, via="import", emit=False)
    assert await unlike(db_session) == []
    erased = outcomes[0].contact_id
    assert erased and await erasure_repository.erase(db_session, other_workspace.id, erased, clock.now())
    assert await unlike(db_session) == []
    rows = (await db_session.execute(text("select tenant_id, count(*) from contact_tags group by 1"))).all()
    assert dict(map(tuple, rows)) == {workspace.id: 10, other_workspace.id: 8}
