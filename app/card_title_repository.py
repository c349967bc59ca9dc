"""What steps and triggers are called wherever pages name them: as their cards are, which may show the names of rows of the workspace."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.deps import AppRequest
from app.flow.step_cards import CardNames, rows_named, titles_on_cards
from app.models import Connector, Segment, Template, Workflow
from app.web.fragments import FragmentEngine

REFERENCED: dict[str, type[Template] | type[Connector] | type[Segment] | type[Workflow]] = {
    "template": Template,
    "connector": Connector,
    "segment": Segment,
    "workflow": Workflow,
}
"""The rows that config fields may name: `Ref(kind)` → model."""
DocumentKey = TypeVar("DocumentKey")


async def card_titles(
    request: AppRequest,
    session: AsyncSession,
    documents: Mapping[DocumentKey, dict[str, Any]],
    only: Mapping[DocumentKey, Set[str]] | None = None,
) -> dict[DocumentKey, dict[str, str]]:
    """By document and id of a step, its title in the reader's language; one query for each kind of row that cards name.

    `documents` as they are stored, `only`: of some, the steps that are asked about. The API has steps by their own name or their type's.
    """
    wanted, some = dict[str, set[UUID]](), only or {}
    for key, document in documents.items():
        for kind, ids in rows_named(document, some.get(key)).items():
            wanted.setdefault(kind, set()).update(ids)
    names: dict[str, dict[str, dict[str, str]]] = {}
    for kind, ids in sorted(wanted.items()):
        model = REFERENCED[kind]
        rows = await session.execute(
            select(model.id, model.name).where(model.tenant_id == request.user.tenant_id, model.id.in_(list(ids)))
        )
        names[kind] = {str(id_): {"name": name} for id_, name in rows.all()}
    read = cast("FragmentEngine", request.app.template_engine).rendered_module
    return {
        key: titles_on_cards(read, document, CardNames(names), some.get(key)) for key, document in documents.items()
    }
