"""Asks another program for rows that are new: a list by HTTP, or a query of a database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.flow import trigger_registry
from app.flow.conditions import Match
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.document import Conditions
from app.flow.reception import Identity, Path, Reception, path_problem
from app.flow.references import Ref
from app.flow.row_poll import CursorKind, FirstPoll, RowCursor, RowPoll
from app.flow.trigger_type import Admission, ContactRule, TriggerPreview, TriggerType
from app.lib.formats import duration
from app.lib.http_url import BadUrl, read_url
from app.lib.postgres_client import CURSOR, with_places
from app.lib.translation import gettext, translatable

PLACE = "{{cursor}}"


class PollSource(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Where rows come from: a `url` that answers a list of JSON, by a web service or none, or the `query` of a database."""

    kind: Literal["url", "query"] = "url"
    connector_id: Annotated[UUID | None, Ref("connector", "web"), Meta(title="connector")] = None
    url: Annotated[str, Meta(max_length=2_000, title="URL")] = ""
    items: Annotated[Path, Meta(title="list")] = "$"
    query: Annotated[str, Meta(max_length=10_000, title="query")] = ""


class PollCursor(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Where a row says how new it is."""

    path: Path = ""
    kind: CursorKind = "number"


class PollConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Each row that is new starts one run, known by its `id`.

    `cursor`: rows behind the greatest value so far are asked for, in the query as `:cursor`, in the URL as `{{cursor}}`; without one the
    whole list is looked through. `first`: whether rows that are there at the first poll start runs too. `occurredAt`: where a row says
    when it happened. The rest is as of a webhook.
    """

    source: PollSource = PollSource()
    every_seconds: Annotated[int, Meta(ge=30, le=604_800, title="interval")] = 300
    id: Annotated[Path, Meta(title="id of a row")] = "$.id"
    cursor: Annotated[Literal["none"] | PollCursor, Meta(title="cursor")] = "none"
    occurred_at: Annotated[Path, Meta(title="time of a row")] = ""
    first: Annotated[FirstPoll, Meta(title="first poll")] = "new"
    event: Annotated[str, Meta(max_length=100, pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*\Z")] = "row.polled"
    identity: Identity = Identity()
    attributes: dict[str, Path] = {}
    properties: dict[str, Path] | Literal["all"] = "all"
    create_contact: bool = True
    conditions: Conditions = []
    match: Match = "all"


@trigger_registry.trigger
class PollTrigger(TriggerType):
    type, label = "poll", translatable("New rows are found")
    description = translatable(
        "Asks a web service or a database every few minutes, and starts once for each row that is new."
    )
    Config = PollConfig
    polls_rows = True

    @classmethod
    def event_name(cls, config: PollConfig) -> str:
        return config.event

    @classmethod
    def admission(cls, config: PollConfig) -> Admission:
        return Admission(config.conditions, config.match)

    @classmethod
    def contact_rule(cls, config: PollConfig) -> ContactRule:
        return ContactRule.REQUIRED if config.identity.paths_by_field() else ContactRule.NONE

    @classmethod
    def row_poll(cls, config: PollConfig) -> RowPoll | None:
        if any(one.blocks_save or one.path != "conditions" for one in cls.diagnostics(config)):
            return None
        of_url = config.source.kind == "url"
        properties = config.properties
        return RowPoll(
            connector_id=config.source.connector_id,
            url=config.source.url.strip() if of_url else "",
            query="" if of_url else config.source.query,
            items=config.source.items or "$",
            every_s=config.every_seconds,
            id=config.id,
            cursor=RowCursor(config.cursor.path, config.cursor.kind) if isinstance(config.cursor, PollCursor) else None,
            occurred_at=config.occurred_at,
            first=config.first,
            reception=Reception(
                identity=config.identity,
                attributes=dict(config.attributes),
                properties=dict(properties) if isinstance(properties, dict) else "all",
                signature="none",
                create_contact=config.create_contact,
            ),
            event=config.event,
        )

    @classmethod
    def title(cls, config: PollConfig) -> str:
        return gettext("New rows are found")

    @classmethod
    def summary(cls, config: PollConfig) -> str:
        time = duration(config.every_seconds)
        if config.source.kind == "url":
            return gettext("Asks a web service every %(time)s", time=time)
        return gettext("Asks a database every %(time)s", time=time)

    @classmethod
    def explain(cls, config: PollConfig, event: Mapping[str, Any]) -> str:
        if config.source.kind == "url":
            return gettext("A web service was asked, and had a new row.")
        return gettext("A database was asked, and had a new row.")

    @classmethod
    def preview(cls, config: PollConfig) -> TriggerPreview:
        of_contact = bool(config.identity.paths_by_field())
        begin = (
            gettext("Rows that are there already start one too.")
            if config.first == "existing"
            else gettext("Activating starts none.")
        )
        each = (
            gettext("Each row that is new starts a run for the contact that it names.")
            if of_contact
            else gettext("Each row that is new starts a run without a contact.")
        )
        return TriggerPreview(cls.summary(config), f"{each} {begin}")

    @classmethod
    def diagnostics(cls, config: PollConfig) -> list[Diagnostic]:
        poll = Reception(config.identity, dict(config.attributes), config.properties)
        wrong = [*super().diagnostics(config), *poll.diagnostics(), *_source_problems(config)]
        for place, path in (("id", config.id), ("occurredAt", config.occurred_at)):
            if (place == "id" or path) and (problem := path_problem(path)) is not None:
                wrong.append(incomplete(place, problem) if not path else Diagnostic(place, problem))
        if isinstance(config.cursor, PollCursor) and (problem := path_problem(config.cursor.path)) is not None:
            wrong.append(
                incomplete("cursor.path", problem) if not config.cursor.path else Diagnostic("cursor.path", problem)
            )
        return wrong


def _source_problems(config: PollConfig) -> list[Diagnostic]:
    source = config.source
    if source.kind == "query":
        if source.connector_id is None:
            return [incomplete("source.connectorId", gettext("Choose the database to ask."))]
        if not source.query.strip():
            return [incomplete("source.query", gettext("Write the SELECT that answers the rows."))]
        if with_places(source.query)[1] != (config.cursor != "none"):
            text = (
                gettext("Read on behind the cursor: add “where … >= %(cursor)s”.", cursor=CURSOR)
                if config.cursor != "none"
                else gettext("The query has %(cursor)s, so say below which column it is compared with.", cursor=CURSOR)
            )
            return [incomplete("source.query", text)]
        return []
    if not source.url.strip() and source.connector_id is None:
        return [incomplete("source.url", gettext("Write the URL that answers the list."))]
    if (problem := path_problem(source.items or "$")) is not None:
        return [Diagnostic("source.items", problem)]
    if source.connector_id is None:
        try:
            read_url(source.url.replace(PLACE, "0").strip())
        except BadUrl as error:
            return [Diagnostic("source.url", str(error))]
    return []
