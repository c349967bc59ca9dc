"""Pages of connectors: the list, and the form of one with its test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Template

from app import usage
from app.accounts.deps import AppRequest
from app.connectors import choosing
from app.connectors.consent import REDIRECT, ConsentService, NoConsent, connector_of_state, redirect_url
from app.connectors.limits import SECONDS, ConnectorLimits
from app.connectors.schemas import ConnectorChange, ConnectorView, NewConnector
from app.connectors.service import ConnectorService, offered_type, type_of, view
from app.errors import AppError, FieldError, Invalid, TooMany
from app.lib.translation import gettext, translatable, translated_choices
from app.messaging.channels import presentation, registry
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.connector import ConnectorSummary, ConnectorType
from app.models import Connector
from app.models.base import Json
from app.models.status import Role
from app.web import flash
from app.web.form_errors import errors_by_path
from app.web.fragments import page
from app.web.wording import for_people

NAME = translatable("Give it a name of at most 120 characters.")
STAND_IN = "standInId"
LIMITS = {
    "maxConcurrent": translatable("Write a whole number from 1 to 1,000, or nothing."),
    "rate": translatable("Write a whole number from 1 to 1,000,000, or nothing."),
    "per": translatable("Choose one of these."),
    "burst": translatable("Write a whole number from 1 to 1,000,000, or nothing."),
}
"""The fields of the limits, with what is said where they do not fit."""


async def _typed(request: AppRequest, kind: type[ConnectorType]) -> dict[str, str]:
    """The submitted form values of a type, trimmed except for the secret."""
    sent = await request.form()
    values = {name: str(sent.get(name, "")) for name in ("name", STAND_IN, *kind.fields(), *LIMITS)}
    secrets = (kind.secret, kind.callback_secret)
    return {name: value if name in secrets else value.strip() for name, value in values.items()}


def _stand_in(form_values: dict[str, str]) -> UUID | None:
    """Who stands in by the form. Raises Invalid."""
    try:
        return UUID(form_values[STAND_IN]) if form_values[STAND_IN] else None
    except ValueError as error:
        raise Invalid(errors=[FieldError(path=STAND_IN, message=gettext("Choose one of these."))]) from error


def _limits(form_values: dict[str, str]) -> ConnectorLimits:
    """The limits of the form; an empty field is what is usual. Raises Invalid with a sentence a field."""
    values, errors = Json(), list[FieldError]()
    for name in LIMITS:
        text = form_values[name]
        values[name] = text if name == "per" else int(text) if text.isdigit() and len(text) < 10 else text or None
        try:
            msgspec.convert({name: values[name]} if name != "per" or text else {}, ConnectorLimits)
        except msgspec.ValidationError:
            errors.append(FieldError(path=name, message=LIMITS[name]))
    if form_values["burst"] and not form_values["rate"]:
        errors.append(
            FieldError(path="rate", message=gettext("Write the rate too: what begins at once is a part of it."))
        )
    if errors:
        raise Invalid(gettext("Some fields need another look."), errors=errors)
    return msgspec.convert({name: value for name, value in values.items() if value != ""}, ConnectorLimits)


def _errors(error: AppError | None) -> dict[str, str]:
    return {path.removeprefix("config."): message for path, message in errors_by_path(error).items()}


def _config(kind: type[ConnectorType], form_values: dict[str, str], *, change: bool) -> Json:
    """The form as the settings that the API takes. Raises Invalid with a sentence a field."""
    form = kind.form
    left_out = {name for name in (kind.secret, kind.callback_secret) if change and not form_values.get(name)}
    values: Json = {name: form_values[name] for name in kind.fields() if name not in left_out}
    errors = [] if form_values["name"] else [FieldError(path="name", message=NAME)]
    for name in kind.numbers():
        if form_values[name].isdigit():
            values[name] = int(form_values[name])
        else:
            errors.append(FieldError(path=name, message=form.words.get(name, gettext("Write a number."))))
    if not errors:
        try:
            msgspec.convert(values, kind.Change if change else kind.Config)
            return values
        except msgspec.ValidationError as error:
            where = str(error).partition("$.")[2].rstrip("`") or kind.fields()[0]
            too_long = "length <=" in str(error)
            words = gettext("This is too long.") if too_long else form.words.get(where, gettext("This is too long."))
            errors.append(FieldError(path=where, message=words))
    raise Invalid(gettext("Some fields need another look."), errors=errors)


class ConnectorLine(NamedTuple):
    """One connector in the list; `kind` and `summary` are None when its type is not installed."""

    shown: ConnectorView
    kind: type[ConnectorType] | None
    summary: ConnectorSummary | None

    @property
    def is_local(self) -> bool:
        """Does it lead to the product itself?"""
        return bool(self.kind and getattr(self.shown.config, "local", False))


def _of_services(rows: Sequence[Connector]) -> list[ConnectorLine]:
    """The lines of connectors that serve no channel; those of types that are not installed have no kind."""
    lines = []
    for row in rows:
        if row.channel == registry.SERVICE:
            kind = registry.connector_types().get(row.type)
            lines.append(ConnectorLine(view(row), kind, kind.summary(row.config) if kind else None))
    return lines


def _by_channel(rows: Sequence[Connector]) -> list[tuple[type[ChannelType] | None, list[ConnectorLine]]]:
    """The lines of each channel, in the order of channels; those of channels that are not installed come last, under None."""
    lines: dict[type[ChannelType] | None, list[ConnectorLine]] = {
        channel: [] for channel in (*registry.channels(), None)
    }
    for row in rows:
        if row.channel == registry.SERVICE:
            continue
        kind = registry.connector_types().get(row.type)
        summary = kind.summary(row.config) if kind else None
        lines[registry.known(row.channel) if kind else None].append(ConnectorLine(view(row), kind, summary))
    return [(channel, some) for channel, some in lines.items() if some]


@get("/connectors", role=Role.VIEWER)
async def list_connectors(request: AppRequest, connectors: NamedDependency[ConnectorService]) -> Template:
    """All connectors, by channel."""
    listed = await connectors.list(100)
    return page(
        request,
        "connectors/list.html",
        rows=[view(row) for row in listed.items],
        carriers=await connectors.carriers(listed.items),
        channels=_by_channel(listed.items),
        services=_of_services(listed.items),
        waiting=await connectors.waiting(listed.items),
        channel_of=_channel_of,
        last_used=await connectors.rows.last_used([row.id for row in listed.items]),
        used=await usage.workflows_by_connector(connectors.session, connectors.tenant_id),
        waiting_for_any=0 if listed.items else await connectors.waiting_for_any(),
        refusals=sorted(presentation.refusals().items()) if request.user.may(Role.ADMIN) else [],
    )


def _channel_of(shown: ConnectorView) -> type[ChannelType] | None:
    """The channel that a connector serves, for the words of what waits for it."""
    known = shown.type in registry.connector_types() and not registry.is_service(shown.type)
    return registry.channel_of(shown.type) if known else None


class Connectors(NamedTuple):
    """What the form of one has to know of the others: those that may stand in for it, and who stands in for it now."""

    others: Sequence[Connector] = ()
    carriers: Mapping[UUID, Connector] = MappingProxyType({})


async def _alike(
    connectors: ConnectorService, kind: type[ConnectorType], connector: Connector | None = None
) -> Connectors:
    carriers = await connectors.carriers([connector]) if connector else {}
    return Connectors(await connectors.others(registry.number_of(kind.type), connector), carriers)


def _form(
    request: AppRequest,
    kind: type[ConnectorType],
    form_values: dict[str, Any],
    connector: Connector | None = None,
    error: AppError | None = None,
    waiting: dict[UUID, int] | None = None,
    alike: Connectors = Connectors(),
    browsers: int = 0,
) -> Template:
    return page(
        request,
        "connectors/edit.html",
        status_code=error.status_code if error else 200,
        kind=kind,
        form=kind.form,
        channel=None if registry.is_service(kind.type) else registry.channel_of(kind.type),
        service=registry.is_service(kind.type),
        folder=presentation.folder_of(kind) if kind.type in presentation.installed() else "",
        choices={name: translated_choices(choices) for name, choices in kind.form.choices.items()},
        usual=kind.usual_limits,
        local=bool(connector and kind.is_local(connector.config)),
        given=form_values,
        errors=_errors(error),
        shown=view(connector) if connector else None,
        waiting=waiting or {},
        others=[(str(row.id), row.name) for row in alike.others],
        carriers=alike.carriers,
        redirect_url=redirect_url(),
        browsers=browsers,
    )


@get("/connectors/new", role=Role.ADMIN)
async def new_connector(
    request: AppRequest,
    connectors: NamedDependency[ConnectorService],
    kind: Annotated[str, QueryParameter(name="type")] = "",
) -> Template:
    """The kinds to choose from, or the empty form of the one that was chosen, with what is usual."""
    if not kind:
        return page(request, "connectors/new.html", groups=choosing.groups())
    chosen = offered_type(kind)
    return _form(request, chosen, dict(chosen.form.defaults), alike=await _alike(connectors, chosen))


@post("/connectors", role=Role.ADMIN, status_code=200)
async def create_connector(
    request: AppRequest, connectors: NamedDependency[ConnectorService]
) -> Template | Response[bytes]:
    """Add a connector."""
    kind = offered_type(str((await request.form()).get("type", "")))
    form_values = await _typed(request, kind)
    try:
        config = _config(kind, form_values, change=False)
        new = NewConnector(
            name=form_values["name"],
            type=kind.type,
            config=config,
            limits=_limits(form_values),
            stand_in_id=_stand_in(form_values),
        )
        connector = await connectors.create(new)
    except AppError as error:
        return _form(request, kind, form_values, None, error, alike=await _alike(connectors, kind))
    return flash.go(
        request,
        f"/connectors/{connector.id}",
        gettext(
            "Connector added. %(trial_title)s before a workflow uses it.", trial_title=gettext(kind.form.trial_title)
        ),
    )


@get("/connectors/{connector_id:uuid}", role=Role.VIEWER)
async def edit_connector(
    request: AppRequest, connectors: NamedDependency[ConnectorService], connector_id: FromPath[UUID]
) -> Template:
    """The form of one connector, without its password; admins may change it."""
    connector = await connectors.get(connector_id)
    shown = view(connector)
    if connector.type not in registry.connector_types():
        return page(
            request, "connectors/not_installed.html", shown=shown, waiting=await connectors.waiting([connector])
        )
    kind = type_of(connector)
    per = next((word for word, seconds in SECONDS.items() if seconds == connector.rate_seconds), "second")
    limits = {"maxConcurrent": connector.max_concurrent, "rate": connector.rate, "per": per, "burst": connector.burst}
    form_values = {
        **msgspec.to_builtins(shown.config),
        "name": shown.name,
        kind.secret: "",
        kind.callback_secret: "",
        STAND_IN: str(connector.stand_in_id or ""),
        **limits,
    }
    waiting, alike = await connectors.waiting([connector]), await _alike(connectors, kind, connector)
    browsers = await connectors.rows.count_browsers(connector.id)
    return _form(request, kind, form_values, connector, waiting=waiting, alike=alike, browsers=browsers)


@post("/connectors/{connector_id:uuid}", role=Role.ADMIN, status_code=200)
async def save_connector(
    request: AppRequest, connectors: NamedDependency[ConnectorService], connector_id: FromPath[UUID]
) -> Template | Response[bytes]:
    """Save changes. An empty password field keeps the password."""
    connector = await connectors.get(connector_id)
    kind = type_of(connector)
    form_values = await _typed(request, kind)
    try:
        if kind.is_local(connector.config):
            config: Json = {name: form_values[name] for name in kind.form.local_fields}
        else:
            config = _config(kind, form_values, change=True)
        await connectors.update(
            connector_id,
            ConnectorChange(
                name=form_values["name"],
                config=config,
                limits=_limits(form_values),
                stand_in_id=_stand_in(form_values),
            ),
        )
    except AppError as error:
        waiting, alike = await connectors.waiting([connector]), await _alike(connectors, kind, connector)
        return _form(request, kind, form_values, connector, error, waiting, alike)
    return flash.go(request, f"/connectors/{connector_id}", gettext("Saved."))


@post("/connectors/{connector_id:uuid}/default", role=Role.ADMIN)
async def make_default(
    request: AppRequest, connectors: NamedDependency[ConnectorService], connector_id: FromPath[UUID]
) -> Response[bytes]:
    """Steps that name no connector send through this one from now on."""
    connector = await connectors.update(connector_id, ConnectorChange(is_default=True))
    return flash.go(request, "/connectors", gettext("“%(name)s” is the default now.", name=connector.name))


@post("/connectors/{connector_id:uuid}/resume", role=Role.ADMIN)
async def resume_connector(
    request: AppRequest, connectors: NamedDependency[ConnectorService], connector_id: FromPath[UUID]
) -> Response[bytes]:
    """Try it again with the settings that it has."""
    connector = await connectors.resume(connector_id)
    return flash.go(
        request, f"/connectors/{connector_id}", gettext("“%(name)s” is tried again now.", name=connector.name)
    )


@post("/connectors/{connector_id:uuid}/connect", role=Role.ADMIN)
async def connect(
    request: AppRequest, consents: NamedDependency[ConsentService], connector_id: FromPath[UUID]
) -> Response[bytes]:
    """Send the person to the service, to consent there."""
    try:
        return flash.go(request, await consents.begin(connector_id))
    except NoConsent as error:
        return flash.go(request, f"/connectors/{connector_id}", for_people(error.for_people), "err")


@get(REDIRECT, role=Role.ADMIN, deadline=60, any_query=True)
async def consented(
    request: AppRequest,
    consents: NamedDependency[ConsentService],
    asked_state: Annotated[str, QueryParameter(name="state")] = "",
    code: FromQuery[str] = "",
    error: FromQuery[str] = "",
) -> Response[bytes]:
    """Where the service sends the person back to. The state says that they began it here, so this may change something."""
    try:
        connector = await consents.finish(asked_state, code, error)
    except NoConsent as refusal:
        connector_id = connector_of_state(asked_state)
        to = f"/connectors/{connector_id}" if connector_id else "/connectors"
        return flash.go(request, to, for_people(refusal.for_people), "err")
    return flash.go(request, f"/connectors/{connector.id}", gettext("“%(name)s” is connected.", name=connector.name))


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
        return flash.go(request, f"/connectors/{connector_id}", for_people(error.for_people), "err")
    return flash.go(request, "/connectors", gettext("Connector deleted."))


@post("/connectors/{connector_id:uuid}/test", role=Role.ADMIN, deadline=60, status_code=200)
async def test_connector(
    request: AppRequest, connectors: NamedDependency[ConnectorService], connector_id: FromPath[UUID]
) -> Template:
    """Send a test message and show what the provider said."""
    form = await request.form()
    to = str(form.get("to", "")).strip()
    kind = type_of(await connectors.get(connector_id))
    result, problem = None, ""
    try:
        result = await connectors.send_test(connector_id, to)
    except Invalid as error:
        problem = for_people(error.errors[0]["message"])
    except TooMany as error:
        problem = for_people(error.for_people)
    accepted = gettext(kind.form.trial_taken).format(to=to)
    return page(request, "connectors/tested.html", result=result, problem=problem, taken=accepted)


ROUTES: list[Any] = [
    list_connectors, new_connector, create_connector, edit_connector, save_connector, make_default,
    resume_connector, connect, consented, delete_connector, test_connector,
]  # fmt: skip
