"""Who still uses a template, a connector, a segment or a workflow: drafts, live versions, older versions with people on them, messages
on their way.

What is in use is not deleted. An archived workflow counts only while it has open runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.counters.run_counters import RUNNING_SQL
from app.flow import registry, trigger_registry
from app.flow.references import marked_fields
from app.lib.formats import counted, number
from app.lib.translation import gettext
from app.messaging.channels.words import counted_messages

NAMED = 5
"""Workflows that a sentence names; the structured answer has them all."""


class Use(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """One workflow, or one of its versions, that relies on something. `version` None: its draft."""

    workflow_id: UUID
    workflow_name: str
    version: int | None
    live: bool
    people: int
    """Who is on this version now."""
    queued_messages: int
    """Messages of this version that are still to leave and rely on it."""


# `inside`: who is on which version, by the counters; `open`: what is still to leave. Both are small.
_USES = """
with mine as materialized (select id, name, status, live_version, draft, deleted_at from workflows where tenant_id = :tenant),
inside as (
  select s.workflow_id, s.version, {running} as people
  from node_stats s join mine on mine.id = s.workflow_id where s.tenant_id = :tenant and s.node_id = '' group by 1, 2),
open as (
  select workflow_id, workflow_version as version, count(*) as messages from messages m
  where m.tenant_id = :tenant and m.status in (0, 1) and {relies} group by 1, 2),
versions as (
  select w.id, w.name, v.version, v.version = w.live_version and w.deleted_at is null and w.status <> 'archived' as live,
    coalesce(i.people, 0) as people, coalesce(o.messages, 0) as messages, jsonb_path_exists(v.graph, cast(:path as jsonpath)) as named
  from mine w join workflow_versions v on v.tenant_id = :tenant and v.workflow_id = w.id
  left join inside i on i.workflow_id = w.id and i.version = v.version
  left join open o on o.workflow_id = w.id and o.version = v.version
  where v.version = w.live_version or i.people > 0 or o.messages > 0)
select id, name, version, live, case when named then people else 0 end as people, messages from versions
where messages > 0 or (named and (live or people > 0))
union all
select id, name, null, false, 0, 0 from mine
where :drafts and deleted_at is null and status <> 'archived' and jsonb_path_exists(draft, cast(:path as jsonpath))
order by 2, 1, 3 desc nulls first
"""


async def of_template(session: AsyncSession, tenant_id: int, template_id: UUID) -> list[Use]:
    """Who names this template."""
    return await _uses(session, tenant_id, _naming("template", template_id), "m.template_id = :id", id=template_id)


async def of_connector(
    session: AsyncSession, tenant_id: int, connector_id: UUID, *, channel: int, last: bool
) -> list[Use]:
    """Who names this connector. `last`: there is no other of its channel, so steps and messages that name none rely on it too."""
    uses = await _uses(
        session,
        tenant_id,
        _naming("connector", connector_id),
        "(m.connector_id = cast(:id as uuid) or lower(m.payload->>'connectorId') = cast(:id as text))",
        id=str(connector_id),
    )
    if last:
        path = f"$.nodes[*] ? ({' || '.join(_without_connector(channel)) or '1 == 2'})"
        relying = "coalesce(m.payload->>'connectorId', '') = '' and m.channel = :channel"
        uses += await _uses(session, tenant_id, path, relying, drafts=False, channel=channel)
    return uses


# `documents`: drafts and live versions. A step that names no connector of its channel uses the default of that.
_BY_CONNECTOR = """
with documents as materialized (
  select id, draft as flow from workflows where tenant_id = :tenant and deleted_at is null and status <> 'archived'
  union all
  select w.id, v.graph from workflows w
  join workflow_versions v on v.tenant_id = w.tenant_id and v.workflow_id = w.id and v.version = w.live_version
  where w.tenant_id = :tenant and w.deleted_at is null and w.status <> 'archived'),
uses as ({uses})
select c.id, count(distinct u.workflow_id) as workflows from uses u
join connectors c on c.tenant_id = :tenant and (c.id = u.connector_id or (c.is_default and c.channel = u.channel)) group by 1
"""
_NAMED = """
select d.id as workflow_id, cast(n #>> '{{}}' as uuid) as connector_id, null::smallint as channel
from documents d, jsonb_path_query(d.flow, cast(:path{number} as jsonpath)) n
where n #>> '{{}}' ~* '^[0-9a-f]{{8}}(-?[0-9a-f]{{4}}){{3}}-?[0-9a-f]{{12}}$'
"""
_DEFAULTS = """
select d.id, null::uuid, cast(:channel{number} as smallint) from documents d
where jsonb_path_exists(d.flow, cast(:relying{number} as jsonpath))
"""


async def workflows_by_connector(session: AsyncSession, tenant_id: int) -> dict[UUID, int]:
    """How many workflows send or call by each connector, in their drafts or live; those of none are missing. One statement."""
    fields = _fields_of("connector")
    channels = sorted({one.sends for one in registry.types().values() if one.sends is not None})
    parameters: dict[str, Any] = {f"path{i}": f"$.*[*].data.{path}" for i, path in enumerate(fields)}
    parameters |= {f"channel{i}": int(channel) for i, channel in enumerate(channels)}
    parameters |= {
        f"relying{i}": f"$.nodes[*] ? ({' || '.join(_without_connector(channel))})"
        for i, channel in enumerate(channels)
    }
    uses = [_NAMED.format(number=i) for i in range(len(fields))] + [
        _DEFAULTS.format(number=i) for i in range(len(channels))
    ]
    query = text(_BY_CONNECTOR.replace("{uses}", " union all ".join(uses)))
    rows = await session.execute(query, {"tenant": tenant_id, **parameters})
    return {row.id: int(row.workflows) for row in rows}


async def of_segment(session: AsyncSession, tenant_id: int, segment_id: UUID) -> list[Use]:
    """Who names this segment: triggers, steps, and conditions wherever they stand. An id is nothing else, so all texts are looked at."""
    path = f'$.** ? (@ like_regex "^{_pattern(segment_id)}$" flag "i")'
    return await _uses(session, tenant_id, path, "false")


async def of_workflow(session: AsyncSession, tenant_id: int, workflow_id: UUID) -> list[Use]:
    """Who calls this workflow; that it names itself keeps nobody from taking it away."""
    uses = await _uses(session, tenant_id, _naming("workflow", workflow_id), "false")
    return [use for use in uses if use.workflow_id != workflow_id]


def _pattern(wanted: UUID) -> str:
    """However the id is written."""
    return "-?".join((wanted.hex[:8], wanted.hex[8:12], wanted.hex[12:16], wanted.hex[16:20], wanted.hex[20:]))


def _naming(kind: str, wanted: UUID) -> str:
    """A path to nodes and triggers that name this row of a kind, in whatever field and however the id is written.

    All fields are looked at in all of them: those of a type that is not installed any more are likely called the same.
    """
    pattern = _pattern(wanted)
    fields = _fields_of(kind)
    tests = [f'@.{path} like_regex "^{pattern}$" flag "i"' for path in fields]
    return f"$.*[*].data ? ({' || '.join(tests)})"


def _fields_of(kind: str) -> list[str]:
    """The fields of all types that name a row of this kind, each once."""
    configs = [one.Config for one in registry.types().values()]
    configs += [one.Config for one in trigger_registry.types().values()]
    return sorted({path for config in configs for path in _json_paths(config, kind)})


def _json_paths(config: type[msgspec.Struct], kind: str) -> list[str]:
    """Where a config of this type names rows of a kind; lists on the way are looked through by PostgreSQL itself."""
    fields = marked_fields(config)
    return [".".join(f'"{name}"' for name in field.names) for field in fields if field.kind == kind]


def _without_connector(channel: int) -> Iterator[str]:
    """For each type that sends by this channel: its nodes that name no connector, and so take the only one."""
    for step_type in registry.types().values():
        if step_type.sends == channel:
            path_filters = [
                f'exists(@.data.{path} ? (@ != null && @ != ""))' for path in _json_paths(step_type.Config, "connector")
            ]
            yield f'(@.type == "{step_type.type}"{"".join(f" && !({one})" for one in path_filters)})'


async def _uses(
    session: AsyncSession, tenant_id: int, path: str, relies: str, *, drafts: bool = True, **parameters: Any
) -> list[Use]:
    query = text(_USES.format(relies=relies, running=RUNNING_SQL))
    rows = await session.execute(query, {"tenant": tenant_id, "path": path, "drafts": drafts, **parameters})
    return [
        Use(
            workflow_id=row.id,
            workflow_name=row.name,
            version=row.version,
            live=row.live,
            people=int(row.people),
            queued_messages=int(row.messages),
        )
        for row in rows
    ]


def in_words(uses: Sequence[Use]) -> str:
    """`“Welcome” (draft, v3 live with 12 people, v1 with 4 people and 2 emails to send) and “Cart” (draft)`."""
    by_name: dict[UUID, list[Use]] = {}
    for use in uses:
        by_name.setdefault(use.workflow_id, []).append(use)
    workflow_texts = [
        gettext("“%(name)s” (%(uses)s)", name=group[0].workflow_name, uses=", ".join(_one(use) for use in group))
        for group in by_name.values()
    ]
    if len(workflow_texts) > NAMED:
        left = len(workflow_texts) - NAMED
        workflow_texts = [*workflow_texts[:NAMED], gettext("%(number)s more", number=number(left))]
    return _all_of(workflow_texts)


def _one(use: Use) -> str:
    if use.version is None:
        return gettext("draft")
    who = [counted(use.people, "person", "people")] if use.people else []
    who += (
        [gettext("%(messages)s to send", messages=counted_messages(use.queued_messages))] if use.queued_messages else []
    )
    version = f"v{use.version}"
    if not who:
        return gettext("%(version)s live", version=version) if use.live else version
    if use.live:
        return gettext("%(version)s live with %(who)s", version=version, who=_all_of(who))
    return gettext("%(version)s with %(who)s", version=version, who=_all_of(who))


def _all_of(texts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = texts or [""]
    return gettext("%(words)s and %(last)s", words=", ".join(most), last=last) if most else last


def as_documents(uses: Sequence[Use]) -> list[dict[str, Any]]:
    """The same for programs."""
    documents: list[dict[str, Any]] = msgspec.to_builtins(uses)
    return documents
