"""`/api/v1/troubles` and `/api/v1/dead-letters`, for monitoring."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Tag
from litestar.params import FromQuery, JSONBody

from app.accounts.deps import AppRequest, Database
from app.models.scope import Scope
from app.models.status import Role
from app.troubles import service
from app.troubles.dead_letters import MOST, DeadLetterService
from app.troubles.kinds import KINDS, text_of, trouble_label
from app.troubles.schemas import DeadLetterOut, Trouble, TroubleOut
from app.web import pagination
from app.web.envelope import Envelope, ok

TAGS = ["Troubles"]


class DeadLetterIds(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which of them."""

    ids: Annotated[list[int], msgspec.Meta(min_length=1, max_length=MOST)]


class HandledCount(msgspec.Struct, rename="camel"):
    """How many it was done to."""

    count: int


def trouble_out(trouble: Trouble) -> TroubleOut:
    """A trouble with the words of its kind."""
    kind = KINDS[trouble.kind]
    return TroubleOut(
        kind=trouble.kind,
        severity=kind.severity,
        title=trouble_label(trouble),
        message=text_of(trouble),
        count=trouble.count,
        at_least=trouble.at_least,
        since=trouble.since,
        workflow_id=trouble.workflow_id,
        workflow_name=trouble.workflow_name or None,
        connector_id=trouble.connector_id,
        connector_name=trouble.connector_name or None,
        endpoint_id=trouble.endpoint_id,
        endpoint_host=trouble.endpoint_host or None,
        host=trouble.host or None,
        node_id=trouble.node_id,
    )


@get(
    "/api/v1/troubles",
    role=Role.VIEWER,
    scope=Scope.RUNS_READ,
    tags=TAGS,
    summary="List what needs somebody, the worst first",
)
async def list_troubles(request: AppRequest, db_session: Database) -> Envelope[list[TroubleOut]]:
    """What the home page says: of the installation, then of the workspace. An empty list: all is well."""
    return ok([trouble_out(trouble) for trouble in await service.of_everything(db_session, request.user.tenant_id)])


@get(
    "/api/v1/dead-letters",
    role=Role.VIEWER,
    scope=Scope.DEAD_LETTERS_READ,
    tags=TAGS,
    summary="List events that could not be handled",
)
async def list_dead_letters(
    dead_letters: NamedDependency[DeadLetterService],
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Envelope[list[DeadLetterOut]]:
    """The newest first, each with what was wrong."""
    page = await dead_letters.list(limit, cursor)
    rows = [
        DeadLetterOut(id=row.id, name=row.name, contact_id=row.contact_id, error=row.error, at=row.at)
        for row in page.items
    ]
    return ok(rows, nextCursor=page.next_cursor, limit=pagination.clamp_limit(limit))


@post(
    "/api/v1/dead-letters/retry",
    role=Role.MARKETER,
    scope=Scope.DEAD_LETTERS_WRITE,
    tags=TAGS,
    status_code=200,
    summary="Handle events again that were set aside",
)
async def retry_dead_letters(
    dead_letters: NamedDependency[DeadLetterService], data: JSONBody[DeadLetterIds]
) -> Envelope[HandledCount]:
    """Each is handled with the times at which it happened and arrived; one that fails again comes back with a new reason."""
    return ok(HandledCount(await dead_letters.retry(data.ids)))


@post(
    "/api/v1/dead-letters/discard",
    role=Role.ADMIN,
    scope=Scope.DEAD_LETTERS_WRITE,
    tags=TAGS,
    status_code=200,
    summary="Forget events that were set aside",
)
async def discard_dead_letters(
    dead_letters: NamedDependency[DeadLetterService], data: JSONBody[DeadLetterIds]
) -> Envelope[HandledCount]:
    """Nothing will follow from them."""
    return ok(HandledCount(await dead_letters.discard(data.ids)))


API_TAGS = [
    Tag(
        name="Troubles",
        description="What needs somebody: work that waits too long, mail that failed, processes that are away.",
    ),
]
ROUTES: list[Any] = [list_troubles, list_dead_letters, retry_dead_letters, discard_dead_letters]
SERVICES = {"dead_letters": DeadLetterService}
