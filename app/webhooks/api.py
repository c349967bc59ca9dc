"""`/api/webhooks/{token}`, which other programs call, and `/api/v1/workflows/{id}/triggers/{triggerId}/webhook` for its owners."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody
from litestar.response import Response
from msgspec import UNSET

from app.accounts.deps import AppRequest, Database
from app.models.scope import Scope
from app.models.status import Role
from app.triggers.api import TRIGGER
from app.web import transactions
from app.web.bodies import TAKES_BYTES
from app.web.envelope import Envelope, ok
from app.web.rate_limit import WEBHOOKS, refuse_wrong_webhooks
from app.webhooks.pace import pace_of
from app.webhooks.receiving import MOST_BYTES, Address, NoSuchAddress
from app.webhooks.schemas import (
    Challenge,
    Expectation,
    MadeSecret,
    MappedView,
    NewSecret,
    PreviewBody,
    Received,
    SampleView,
    WebhookView,
)
from app.webhooks.service import WebhookService

TAGS = ["Webhooks"]
CALLED = WEBHOOKS + "{token:str}"
WEBHOOK = TRIGGER + "/webhook"


async def _address(request: AppRequest, session: Any, token: str) -> Address:
    try:
        return await Address.open(session, token)
    except NoSuchAddress:
        refuse_wrong_webhooks(request.scope)
        raise


@get(CALLED, public=True, any_query=True, tags=TAGS, summary="What an address expects")
async def describe_webhook(request: AppRequest, db_session: Database, token: FromPath[str]) -> Envelope[Expectation]:
    """For whoever sets up the sender: how to sign, what the JSON must say, and whether calls start runs now."""
    return ok((await _address(request, db_session, token)).expectation())


@post(
    CALLED,
    public=True,
    any_query=True,
    csrf_exempt=True,
    status_code=202,
    tags=TAGS,
    summary="Call a trigger",
    opt={TAKES_BYTES: MOST_BYTES},
)
async def call_webhook(
    request: AppRequest, db_session: Database, token: FromPath[str]
) -> Envelope[Received] | Challenge:
    """Start a run with any JSON, by the mapping of the trigger. The answer comes after the commit.

    The same delivery (its `webhook-id`, or the same signed body) starts one run, however often it comes: the answer is `repeated`. 401
    without a signature that fits, 409 while the workflow takes no calls, 422 when the JSON does not say what the trigger reads.
    """
    address = await _address(request, db_session, token)
    await pace_of(request.app).take(address.webhook)
    received, refusal = await address.receive(dict(request.headers), await request.body())
    if received is None:
        transactions.keep_what_is_stored(request.scope)
        raise refusal or NoSuchAddress()
    if isinstance(received, Challenge):
        return cast(Challenge, Response(received, status_code=200))  # senders take nothing but 200 for an answer
    return ok(received)


@get(WEBHOOK, role=Role.MARKETER, scope=Scope.WORKFLOWS_WRITE, tags=TAGS, summary="The address of a trigger")
async def get_webhook(
    webhooks: NamedDependency[WebhookService], workflow_id: FromPath[UUID], trigger_id: FromPath[str]
) -> Envelope[WebhookView]:
    """Where other programs call it, and which secrets sign. It is made at the first look; copies of the workflow have their own."""
    return ok(await webhooks.view(workflow_id, trigger_id))


@post(
    WEBHOOK + "/address",
    role=Role.MARKETER,
    scope=Scope.WORKFLOWS_WRITE,
    tags=TAGS,
    summary="Change the address of a trigger",
    status_code=200,
    secret_answer=("url", "secrets"),
)
async def change_webhook_address(
    webhooks: NamedDependency[WebhookService], workflow_id: FromPath[UUID], trigger_id: FromPath[str]
) -> Envelope[WebhookView]:
    """A new address, at once; calls of the old one answer 404. Secrets stay."""
    return ok(await webhooks.change_address(workflow_id, trigger_id))


@post(
    WEBHOOK + "/secret",
    role=Role.MARKETER,
    scope=Scope.WORKFLOWS_WRITE,
    tags=TAGS,
    summary="Make a secret",
    status_code=200,
    secret_answer=("secret",),
)
async def make_webhook_secret(
    webhooks: NamedDependency[WebhookService],
    workflow_id: FromPath[UUID],
    trigger_id: FromPath[str],
    data: JSONBody[NewSecret | None] = None,
) -> Envelope[MadeSecret]:
    """A new secret, or the one that the sender outcomes, at once. The one before it signs for 24 hours more. It is shown this once."""
    text = data.secret if data is not None and isinstance(data.secret, str) else None
    secret, previous_until = await webhooks.make_secret(workflow_id, trigger_id, text)
    return ok(MadeSecret(secret=secret, previous_until=previous_until))


@get(WEBHOOK + "/payloads", role=Role.MARKETER, scope=Scope.WORKFLOWS_WRITE, tags=TAGS, summary="What came in lately")
async def list_webhook_payloads(
    webhooks: NamedDependency[WebhookService], workflow_id: FromPath[UUID], trigger_id: FromPath[str]
) -> Envelope[list[SampleView]]:
    """The last 20 calls, the newest first, each with its run or the reason why it has none. Secrets and addresses in them are masked."""
    return ok(
        [
            SampleView(
                at=row.at,
                payload=row.payload,
                headers=row.headers,
                run_id=row.run_id,
                contact_id=row.contact_id,
                error=row.error,
            )
            for row in await webhooks.samples(workflow_id, trigger_id)
        ]
    )


@delete(
    WEBHOOK + "/payloads",
    role=Role.MARKETER,
    scope=Scope.WORKFLOWS_WRITE,
    tags=TAGS,
    summary="Forget what came in",
    status_code=200,
)
async def forget_webhook_payloads(
    webhooks: NamedDependency[WebhookService], workflow_id: FromPath[UUID], trigger_id: FromPath[str]
) -> Envelope[dict[str, bool]]:
    """Delete the bodies that are kept of this address."""
    await webhooks.forget_samples(workflow_id, trigger_id)
    return ok({"forgotten": True})


@post(
    WEBHOOK + "/preview",
    role=Role.MARKETER,
    scope=Scope.WORKFLOWS_WRITE,
    tags=TAGS,
    summary="Try a mapping",
    status_code=200,
)
async def preview_webhook(
    webhooks: NamedDependency[WebhookService],
    workflow_id: FromPath[UUID],
    trigger_id: FromPath[str],
    data: JSONBody[PreviewBody | None] = None,
) -> Envelope[list[MappedView]]:
    """What the trigger of the draft, or `data` in its place, makes of `payload` and `headers`, or of each of the last calls. Nothing
    is stored."""
    data = data or PreviewBody()
    samples = await webhooks.samples(workflow_id, trigger_id) if data.payload is UNSET else ()
    sent = {name.lower(): value for name, value in data.headers.items()}
    calls = [(row.payload, row.headers or {}) for row in samples] if data.payload is UNSET else [(data.payload, sent)]
    config = data.data if isinstance(data.data, dict) else None
    outcomes = await webhooks.preview(workflow_id, trigger_id, config, calls)
    return ok(
        [
            MappedView(identity=one.identity, attributes=one.attributes, properties=one.properties, errors=one.errors)
            for one in outcomes
        ]
    )


API_TAGS = [Tag(name="Webhooks", description="Addresses of triggers that other programs call.")]
ROUTES = [
    describe_webhook,
    call_webhook,
    get_webhook,
    change_webhook_address,
    make_webhook_secret,
    list_webhook_payloads,
    forget_webhook_payloads,
    preview_webhook,
]
SERVICES = {"webhooks": WebhookService}
