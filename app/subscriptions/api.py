"""`/api/v1/suppressions`: the suppression list for programs, also to bring one along from another tool."""

from __future__ import annotations

from typing import Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Tag
from litestar.params import FromQuery, JSONBody

from app.accounts.deps import AppRequest
from app.models.scope import Scope
from app.models.status import Role
from app.subscriptions.schemas import LiftRequest, NewSuppression, SuppressionView
from app.subscriptions.service import SuppressionService, suppression_view
from app.web import pagination
from app.web.envelope import Envelope, ok

TAGS = ["Suppressions"]


@get(
    "/api/v1/suppressions",
    role=Role.VIEWER,
    scope=Scope.SUPPRESSIONS_READ,
    tags=TAGS,
    summary="List addresses that must not be written to, the newest first",
)
async def list_suppressions(
    suppressions: NamedDependency[SuppressionService],
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
    search: FromQuery[str | None] = None,
    reason: FromQuery[str | None] = None,
    channel: FromQuery[str | None] = None,
    lifted: FromQuery[bool] = False,
) -> Envelope[list[SuppressionView]]:
    """`search` looks in the address. `lifted=true` lists the entries that hold no more."""
    page = await suppressions.list(limit, cursor, search=search or "", reason=reason, channel=channel, lifted=lifted)
    rows = [suppression_view(row.suppression, row.contact_id) for row in page.items]
    return ok(rows, nextCursor=page.next_cursor, limit=pagination.clamp_limit(limit))


@post(
    "/api/v1/suppressions",
    role=Role.MARKETER,
    scope=Scope.SUPPRESSIONS_WRITE,
    tags=TAGS,
    status_code=200,
    summary="Put one address or an array of up to 1,000 on the list",
)
async def add_suppressions(
    request: AppRequest,
    suppressions: NamedDependency[SuppressionService],
    data: JSONBody[NewSuppression | list[NewSuppression]],
) -> Envelope[SuppressionView | list[SuppressionView]]:
    """All or none. An address that is there stays as it is, unless the new reason weighs more; one that was lifted holds again.

    `meta.added` counts those for which something changed, so the same request again answers the same rows and 0.
    """
    many = isinstance(data, list)
    added = await suppressions.add(data if isinstance(data, list) else [data])
    return ok(added.rows if many else added.rows[0], added=added.new)


@post(
    "/api/v1/suppressions/lift",
    role=Role.ADMIN,
    scope=Scope.SUPPRESSIONS_WRITE,
    tags=TAGS,
    status_code=200,
    summary="Take an address off the list, with a reason",
)
async def lift_suppression(
    suppressions: NamedDependency[SuppressionService], data: JSONBody[LiftRequest]
) -> Envelope[SuppressionView]:
    """The entry stays, marked as lifted. A contact who withdrew consent gets no mail all the same: see its `permissions`."""
    return ok(await suppressions.lift(data))


API_TAGS = [Tag(name=TAGS[0], description="Addresses that must not be written to, why, and who lifted it.")]
ROUTES: list[Any] = [list_suppressions, add_suppressions, lift_suppression]
SERVICES = {"suppressions": SuppressionService}
