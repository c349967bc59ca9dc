"""`/push/{site}/…`: what a site includes so that its visitors may subscribe, and the address at which their browsers register.

Scripts are the same for everybody and may be cached. A registration is a simple request of the site's own page (no preflight); it
says by a signature whose browser it is, and comes from one of the sites that the connector names. It bears no cookie of ours.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta

from app.accounts.deps import AppRequest, Database
from app.accounts.principal import Principal
from app.connectors.senders import open_callback_secret
from app.contacts.schemas import ContactIn
from app.devices.contact_token import contact_of, is_signed
from app.devices.schemas import AppName, BrowserKeys, DeviceToken, NewDevice
from app.devices.service import DeviceService
from app.devices.site_address import PUSH, read_site, site_url
from app.errors import AppError, BadRequest, Forbidden, NotFound, SignedOut, Unavailable
from app.lib import crypto, single_line
from app.lib.database_roles import scope_to
from app.lib.field_errors import all_field_errors
from app.lib.translation import gettext
from app.messaging.channels import registry
from app.models import Connector
from app.models.status import Role
from app.web.bodies import TAKES_BYTES
from app.web.rate_limit import refuse_new_devices, refuse_wrong_webhooks

SITE = PUSH + "{site:str}"
MOST_BYTES = 8_192
SCRIPTS = Path(__file__).parents[1] / "static" / "push"
_CACHED = {
    "Cache-Control": "public, max-age=3600",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
}


class NoSuchSite(NotFound):
    """No site subscribes here. The connector may have been removed, or the address is not complete."""

    code = "site_not_found"


class OtherSite(Forbidden):
    """This site is none of those that may subscribe. An admin can name it among the sites of the connector."""

    code = "site_not_allowed"


class NotProven(SignedOut):
    """It is not proven whose browser this is: the token is over or none of ours, or the signature does not fit the external id."""

    code = "identity_not_proven"


class Registration(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A browser's subscription, and whose it is: `token` of the product, or `externalId` with the site's `signature`."""

    endpoint: DeviceToken
    keys: BrowserKeys
    app: AppName = ""
    token: str = ""
    external_id: Annotated[str, Meta(pattern=single_line.PATTERN)] = ""
    signature: str = ""


class Withdrawal(msgspec.Struct, forbid_unknown_fields=True):
    """The subscription that is over. Nobody else knows its address."""

    endpoint: DeviceToken


class _Site(NamedTuple):
    connector: Connector
    identity_key: str

    @property
    def origins(self) -> list[str]:
        return str(self.connector.config.get("origins", "")).split()


async def _opened(request: AppRequest, session: Any, text: str) -> _Site:
    """The connector of a public id, with the session in its workspace. Raises NoSuchSite, Unavailable."""
    address = read_site(text)
    if address is None:
        refuse_wrong_webhooks(request.scope)
        raise NoSuchSite
    scope_to(session, address.tenant_id)
    row = await session.get(Connector, (address.tenant_id, address.connector_id))
    kind = registry.connector_types().get(row.type) if row is not None else None
    if row is None or kind is None or not row.config.get("publicKey"):
        raise NoSuchSite
    try:
        return _Site(row, open_callback_secret(row.id, row.callback_secret))
    except crypto.CannotUnseal as error:
        raise Unavailable(gettext("The keys of this connector cannot be read just now. Try again later.")) from error


@contextmanager
def _readable(request: AppRequest, site: _Site) -> Iterator[dict[str, str]]:
    """The headers that let the site's page read the answer; an error inside gets them too. Raises OtherSite."""
    origin = request.headers.get("origin", "")
    if origin not in site.origins:
        raise OtherSite
    headers = {"Access-Control-Allow-Origin": origin, "Vary": "Origin", "Cache-Control": "no-store"}
    try:
        yield headers
    except AppError as error:
        error.headers = {**error.headers, **headers}
        raise


@functools.cache
def _script(name: str) -> str:
    return (SCRIPTS / name).read_text()


def _served(name: str, site: _Site) -> Response[str]:
    """A script with what is the site's own before it."""
    own = {
        "url": site_url(site.connector.tenant_id, site.connector.id),
        "publicKey": site.connector.config["publicKey"],
    }
    config = msgspec.json.encode(own).decode().replace("<", "\\u003c")
    text = f"self.THROUGHLINE_PUSH = {config};\n{_script(name)}"
    return Response(text, media_type="text/javascript; charset=utf-8", headers=_CACHED)


@get(SITE + "/throughline-push.js", public=True, any_query=True, include_in_schema=False)
async def push_snippet_script(request: AppRequest, db_session: Database, site: FromPath[str]) -> Response[str]:
    """What the pages of a site include."""
    return _served("snippet.js", await _opened(request, db_session, site))


@get(SITE + "/worker.js", public=True, any_query=True, include_in_schema=False)
async def push_worker_script(request: AppRequest, db_session: Database, site: FromPath[str]) -> Response[str]:
    """What the service worker of a site imports."""
    return _served("worker.js", await _opened(request, db_session, site))


@post(
    SITE + "/devices",
    public=True,
    any_query=True,
    csrf_exempt=True,
    status_code=200,
    include_in_schema=False,
    opt={TAKES_BYTES: MOST_BYTES},
)
async def register_browser(request: AppRequest, db_session: Database, site: FromPath[str]) -> Response[dict[str, Any]]:
    """Keep a browser's subscription for a contact."""
    opened = await _opened(request, db_session, site)
    with _readable(request, opened) as headers:
        sent, devices = _read(await request.body(), Registration), _devices(db_session, opened)
        try:
            contact_id = await _contact_of(devices, opened, sent)
        except NotProven:
            refuse_wrong_webhooks(request.scope)
            raise
        own = opened.connector.id
        new = NewDevice(token=sent.endpoint, platform="web", keys=sent.keys, app=sent.app, connector_id=own)
        row, created = await devices.put(contact_id, new)
        if created:  # whoever has a token could register endless ones, each of which drives out a real one
            refuse_new_devices(request.scope, (devices.tenant_id, contact_id))
    return Response({"id": str(row.id), "created": created}, headers=headers)


def _devices(session: Any, site: _Site) -> DeviceService:
    """The devices of the site's workspace, as its pages change them."""
    row = site.connector
    principal = Principal(kind="product", id=row.id, tenant_id=row.tenant_id, role=Role.MARKETER, name="A site’s page")
    return DeviceService(session, principal)


async def _contact_of(devices: DeviceService, site: _Site, sent: Registration) -> Any:
    """The contact whose browser it is; one with an external id that the site signed is made. Raises NotProven, Invalid."""
    if sent.token:
        contact_id = contact_of(sent.token, devices.tenant_id)
        if contact_id is None:
            raise NotProven
        return contact_id
    if not sent.external_id or not is_signed(sent.external_id, sent.signature, site.identity_key):
        raise NotProven
    contact_id = await devices.contacts.rows.with_external_id(sent.external_id.strip())
    if contact_id is None:
        contact, _ = await devices.contacts.upsert(ContactIn(external_id=sent.external_id), via="push")
        contact_id = contact.id
    return contact_id


@post(
    SITE + "/withdraw",
    public=True,
    any_query=True,
    csrf_exempt=True,
    status_code=200,
    include_in_schema=False,
    opt={TAKES_BYTES: MOST_BYTES},
)
async def withdraw_browser(request: AppRequest, db_session: Database, site: FromPath[str]) -> Response[dict[str, Any]]:
    """Forget a browser's subscription that is over."""
    opened = await _opened(request, db_session, site)
    with _readable(request, opened) as headers:
        sent = _read(await request.body(), Withdrawal)
        removed = await _devices(db_session, opened).rows.remove_token(sent.endpoint, opened.connector.id)
    return Response({"removed": removed}, headers=headers)


def _read(body: bytes, kind: Any) -> Any:
    """Raises BadRequest with what is wrong."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadRequest(gettext("The body is no JSON."), code="malformed_json") from error
    if faults := all_field_errors(value, kind):
        raise BadRequest(f"{faults[0]['path']}: {faults[0]['message']}")
    return msgspec.convert(value, kind)


ROUTES: list[Any] = [push_snippet_script, push_worker_script, register_browser, withdraw_browser]
