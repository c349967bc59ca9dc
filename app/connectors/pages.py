"""Pages of connectors: the list, and the form of one with its test."""

from __future__ import annotations

from typing import Any, get_args
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.connectors.schemas import ConnectorChange, NewConnector, Security, SmtpChange, SmtpConfig
from app.connectors.service import ConnectorService, view
from app.errors import AppError, Complaint, Invalid, TooMany
from app.lib.single_line import SENTENCE
from app.models import Connector
from app.models.status import Role
from app.web import flash
from app.web.fragments import page

FIELDS = ("name", "host", "port", "security", "username", "password", "fromEmail", "fromName")
SECURITIES = [
    ("starttls", "STARTTLS (port 587)"),
    ("tls", "TLS (port 465)"),
    ("none", "None (without sign-in)"),
]
_WORDS = {
    "name": "Give it a name of at most 120 characters.",
    "host": "Name the server, for example smtp.example.com.",
    "port": "A number from 1 to 65535.",
    "security": f"One of {', '.join(get_args(Security))}.",
    "fromEmail": "Write the address that mails come from.",
    "fromName": SENTENCE,
    "username": SENTENCE,
    "password": "A password holds no line breaks.",
}


async def _typed(request: AppRequest) -> dict[str, str]:
    form = await request.form()
    given = {name: str(form.get(name, "")) for name in FIELDS}
    return {name: value if name == "password" else value.strip() for name, value in given.items()}


def _errors(error: AppError | None) -> dict[str, str]:
    return (
        {complaint["path"].removeprefix("config."): complaint["message"] for complaint in error.errors} if error else {}
    )


def _config(given: dict[str, str], kind: type[Any], leave_out: tuple[str, ...] = ()) -> Any:
    """The form as the struct that the API takes. Raises Invalid with a sentence a field."""
    values: dict[str, Any] = {name: given[name] for name in FIELDS if name != "name" and name not in leave_out}
    found = (
        [Complaint(path="port", message=_WORDS["port"])] if "port" in values and not values["port"].isdigit() else []
    )
    if not found and "port" in values:
        values["port"] = int(values["port"])
    if not given["name"]:
        found.append(Complaint(path="name", message=_WORDS["name"]))
    if not found:
        try:
            return msgspec.convert(values, kind)
        except msgspec.ValidationError as error:
            where = str(error).partition("$.")[2].rstrip("`") or "host"
            too_long = "length <=" in str(error)
            words = "This is too long." if too_long else _WORDS.get(where, "This is too long.")
            found = [Complaint(path=where, message=words)]
    raise Invalid("Some fields need another look.", errors=found)


@get("/connectors", role=Role.VIEWER)
async def list_connectors(request: AppRequest, connectors: NamedDependency[ConnectorService]) -> Template:
    """All connectors."""
    found = await connectors.list(100)
    return page(
        request,
        "connectors/list.html",
        rows=[view(row) for row in found.items],
        waiting=await connectors.waiting(found.items),
        waiting_for_any=0 if found.items else await connectors.waiting_for_any(),
    )


def _form(
    request: AppRequest,
    given: dict[str, Any],
    connector: Connector | None = None,
    error: AppError | None = None,
    waiting: dict[UUID, int] | None = None,
) -> Template:
    return page(
        request,
        "connectors/edit.html",
        status_code=error.status_code if error else 200,
        given=given,
        errors=_errors(error),
        shown=view(connector) if connector else None,
        waiting=waiting or {},
        securities=SECURITIES,
    )


@get("/connectors/new", role=Role.ADMIN)
async def new_connector(request: AppRequest) -> Template:
    """An empty form with the usual port."""
    return _form(request, {"port": "587", "security": "starttls"})


@post("/connectors", role=Role.ADMIN, status_code=200)
async def create_connector(
    request: AppRequest, connectors: NamedDependency[ConnectorService]
) -> Template | Response[bytes]:
    """Add a connector."""
    given = await _typed(request)
    try:
        new = NewConnector(name=given["name"], config=_config(given, SmtpConfig))
        made = await connectors.create(new)
    except AppError as error:
        return _form(request, given, None, error)
    return flash.go(request, f"/connectors/{made.id}", "Connector added. Send a test mail before a flow uses it.")


@get("/connectors/{connector_id:uuid}", role=Role.VIEWER)
async def edit_connector(
    request: AppRequest, connectors: NamedDependency[ConnectorService], connector_id: FromPath[UUID]
) -> Template:
    """The form of one connector, without its password; admins may change it."""
    connector = await connectors.get(connector_id)
    shown = view(connector)
    given = {**msgspec.to_builtins(shown.config), "name": shown.name, "password": ""}
    return _form(request, given, connector, waiting=await connectors.waiting([connector]))


@post("/connectors/{connector_id:uuid}", role=Role.ADMIN, status_code=200)
async def save_connector(
    request: AppRequest, connectors: NamedDependency[ConnectorService], connector_id: FromPath[UUID]
) -> Template | Response[bytes]:
    """Save changes. An empty password field keeps the password."""
    given, service = await _typed(request), connectors
    connector = await service.get(connector_id)
    try:
        if connector.config.get("local"):
            config = SmtpChange(from_email=given["fromEmail"], from_name=given["fromName"])
        else:
            config = _config(given, SmtpChange, () if given["password"] else ("password",))
        await service.update(connector_id, ConnectorChange(name=given["name"], config=config))
    except AppError as error:
        return _form(request, given, connector, error, await service.waiting([connector]))
    return flash.go(request, f"/connectors/{connector_id}", "Saved.")


@post("/connectors/{connector_id:uuid}/default", role=Role.ADMIN)
async def make_default(
    request: AppRequest, connectors: NamedDependency[ConnectorService], connector_id: FromPath[UUID]
) -> Response[bytes]:
    """Steps that name no connector send through this one from now on."""
    connector = await connectors.update(connector_id, ConnectorChange(is_default=True))
    return flash.go(request, "/connectors", f"“{connector.name}” is the default now.")


@post("/connectors/{connector_id:uuid}/resume", role=Role.ADMIN)
async def resume_connector(
    request: AppRequest, connectors: NamedDependency[ConnectorService], connector_id: FromPath[UUID]
) -> Response[bytes]:
    """Try it again with the settings that it has."""
    connector = await connectors.resume(connector_id)
    return flash.go(request, f"/connectors/{connector_id}", f"“{connector.name}” is tried again now.")


@post("/connectors/{connector_id:uuid}/delete", role=Role.ADMIN)
async def delete_connector(
    request: AppRequest, connectors: NamedDependency[ConnectorService], connector_id: FromPath[UUID]
) -> Response[bytes]:
    """Remove a connector."""
    try:
        await connectors.delete(connector_id)
    except AppError as error:
        if error.status_code != 409:
            raise
        return flash.go(request, f"/connectors/{connector_id}", error.message, "err")
    return flash.go(request, "/connectors", "Connector deleted.")


@post("/connectors/{connector_id:uuid}/test", role=Role.ADMIN, deadline=60, status_code=200)
async def test_connector(
    request: AppRequest, connectors: NamedDependency[ConnectorService], connector_id: FromPath[UUID]
) -> Template:
    """Send a test mail and show what the server said."""
    form = await request.form()
    to = str(form.get("to", "")).strip()
    result, problem = None, ""
    try:
        result = await connectors.send_test(connector_id, to)
    except Invalid as error:
        problem = error.errors[0]["message"]
    except TooMany as error:
        problem = error.message
    return page(request, "connectors/tested.html", result=result, problem=problem, to=to)


ROUTES: list[Any] = [
    list_connectors, new_connector, create_connector, edit_connector, save_connector, make_default,
    resume_connector, delete_connector, test_connector,
]  # fmt: skip
