"""Rules as SQL: the same answers as `app.flow.segment_judge`, for many contacts in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.flow import paths
from app.flow.conditions import Condition
from app.flow.operators import OPERATORS
from app.flow.rule_sql import SqlField, SqlRule
from app.flow.segment_judge import RuleNames
from app.flow.segment_rules import Fact, RuleCondition, SegmentRule, as_group, field_path, wanted_segments
from app.lib.binary_fields import microseconds
from app.models.status import RunStatus

_COLUMN = "to_jsonb(c.{})"
_CREATED = "to_jsonb(to_char(c.created_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))"
_STATES = {
    "in": "exists (select from active_runs r where r.tenant_id = c.tenant_id and r.contact_id = c.id and r.workflow_id = {})",
    "finished": "exists (select from ended_runs r where r.tenant_id = c.tenant_id and r.contact_id = c.id and r.workflow_id = {}"
    f" and r.status in ({RunStatus.COMPLETED:d}, {RunStatus.GOAL_REACHED:d}))",
    "entered": "exists (select from runs r where r.tenant_id = c.tenant_id and r.contact_id = c.id and r.workflow_id = {})",
}
"""Where a contact stands with a workflow, by its runs."""
MICROS = "((extract(epoch from {}) * 1000000)::bigint - 946684800000000)"


class RuleSql:
    """Some rules over one scan of contacts `c`: `select … from contacts c` + `source()` with `parameters`."""

    def __init__(self, names: RuleNames, now: datetime, timezone: str | None) -> None:
        self.names = names
        self.values = SqlRule(now, timezone)
        self._facts: dict[Fact, str] = {}
        self._now = self.values.parameter(microseconds(now), "bigint")

    @property
    def parameters(self) -> dict[str, Any]:
        """Of all that was compiled."""
        return self.values.parameters

    def source(self) -> str:
        """What stands behind `from contacts c`. Ask for it when all rules are compiled."""
        return "".join(self._fact_join(fact, alias) for fact, alias in self._facts.items()) + self.values.joins()

    def verdict(self, rule: SegmentRule) -> str:
        """A boolean expression: true for members, null where it cannot be said."""
        return self._condition(as_group(rule))

    def _condition(self, condition: RuleCondition) -> str:
        match condition.kind:
            case "group":
                joined = (" and " if condition.match == "all" else " or ").join(map(self._condition, condition.parts))
                return f"({'not ' if condition.match == 'none' else ''}({joined or 'true'}))"
            case "activity":
                return self._event(condition)
            case "workflow":
                return self._workflow(condition)
            case "segment":
                return self._segment(condition)
            case _:
                return _operator_sql(condition.operator, self.values, self._field(condition.field), condition.value)

    def _field(self, name: str) -> str:
        """The value of a field of the contact as jsonb."""
        _, *names = paths.names_of(field_path(name))
        if names[0] == "consent" and len(names) > 1:
            return f"nullif(c.consent -> {self.values.parameter('.'.join(names[1:]), 'text')}, 'null')"
        match field := paths.field_of(names):
            case "tags":
                return followed(self.values, "to_jsonb(c.tags)", names[1:])
            case "attributes":
                below = names[1:] if names[0] == "attributes" and len(names) > 1 else names
                return followed(self.values, "c.attributes", below)
            case "created_at":
                return _CREATED
            case "id":
                return "to_jsonb(c.id::text)"
        return _COLUMN.format(field)

    def _segment(self, condition: RuleCondition) -> str:
        numbers = [self.names.segments[one] for one in wanted_segments(condition) if one in self.names.segments]
        parts = [
            "exists (select from segment_members m where m.tenant_id = c.tenant_id and m.contact_id = c.id"
            f" and m.segment = {self.values.parameter(number, 'int')})"
            for number in numbers
        ]
        return f"({'not ' if condition.operator == 'not_in' else ''}({' or '.join(parts) or 'false'}))"

    def _workflow(self, condition: RuleCondition) -> str:
        workflow = self.values.parameter(condition.workflow, "uuid")
        if condition.state == "never":
            return f"(not {_STATES['entered'].format(workflow)})"
        return f"({_STATES[condition.state].format(workflow)})"

    def _event(self, condition: RuleCondition) -> str:
        fact = condition.fact
        alias = self._facts.setdefault(fact, f"e{len(self._facts)}")
        length = self.values.parameter(condition.within.micros if condition.within else 0, "bigint")
        if condition.occurrence != "any":
            instant = f"{alias}.first_at" if condition.occurrence == "first" else f"{alias}.recent[1]"
            sign = ">" if condition.did else "<="
            return f"coalesce({instant} + {length} {sign} {self._now}, false)"

        def at_least(times: int) -> str:
            if condition.within is not None:
                return f"coalesce({alias}.recent[{times}] + {length} > {self._now}, false)"
            return f"(coalesce({alias}.n, 0) >= {self.values.parameter(times, 'int')})"

        least, most = condition.bounds
        parts = [at_least(least)] if least else []
        parts += [f"not {at_least(most + 1)}"] if most is not None else []
        return f"({' and '.join(parts) or 'true'})"

    def _fact_join(self, fact: Fact, alias: str) -> str:
        number = self.names.facts.get(fact)
        if number is not None:
            return (
                f" left join segment_facts {alias} on {alias}.tenant_id = c.tenant_id and {alias}.contact_id = c.id"
                f" and {alias}.fact = {self.values.parameter(number, 'int')}"
            )
        return f" left join lateral ({counted_sql(fact, self.values, alias)}) {alias} on true"


def counted_sql(fact: Fact, values: SqlRule, alias: str = "x") -> str:
    """SQL of what the stored events of contact `c` add up to: `n`, `first_at`, `recent`. Without those that stand in the inbox still: they
    are counted when they are handled."""
    e = f"{alias}_e"
    held = properties_sql(fact, values, f"{e}.properties")
    instant = MICROS.format(f"least({e}.occurred_at, {e}.received_at)")
    return f"""
    select count(*)::int as n, min({instant}) as first_at, (array_agg({instant} order by {instant} desc))[1:{fact.keep}] as recent
    from events {e} where {e}.tenant_id = c.tenant_id and {e}.contact_id = c.id and {e}.name = {values.parameter(fact.event, "text")}
      and {held} and not exists (select from inbox i where i.tenant_id = {e}.tenant_id and i.event_id = {e}.id)
      and not exists (
        select from dead_letters d where d.tenant_id = {e}.tenant_id and d.contact_id = {e}.contact_id and d.event_id = {e}.id)
    """  # noqa: S608  constants


def properties_sql(fact: Fact, values: SqlRule, properties: str) -> str:
    """Do the properties of an event meet the conditions of a fact? Never null: what cannot be compared does not count."""
    conditions = fact.property_conditions
    if not conditions:
        return "true"
    inside = _Inline(values)
    return f"coalesce({_group_sql(conditions, fact.match, inside, properties)}, false)"


class _Inline(SqlRule):
    """Of an event inside a subselect: nothing of it can be computed once a contact."""

    def __init__(self, outer: SqlRule) -> None:
        self._outer = outer
        self.now = outer.now
        self._timezone = outer.timezone

    def parameter(self, value: Any, kind: str) -> str:
        return self._outer.parameter(value, kind)

    def once(self, sql: str) -> str:
        return sql

    def field(self, sql: str) -> SqlField:
        return SqlField(self, f"({sql})")

    @property
    def zone(self) -> str:
        """That of the workspace: what is counted must not depend on where the contact is by now."""
        return self.parameter(self._timezone, "text")


def _group_sql(conditions: list[Condition], match: str, values: SqlRule, properties: str) -> str:
    parts = []
    for condition in conditions:
        if condition.conditions is not None:
            parts.append(_group_sql(condition.conditions, condition.match, values, properties))
        else:
            names = paths.names_of(condition.field)
            below = names[1:] if names[0] == "event" and len(names) > 1 else names
            parts.append(
                _operator_sql(condition.operator, values, followed(values, properties, below), condition.value)
            )
    joined = (" and " if match == "all" else " or ").join(parts)
    return f"({'not ' if match == 'none' else ''}({joined or 'true'}))"


def _operator_sql(operator: str, values: SqlRule, json: str, wanted: Any) -> str:
    compiler = OPERATORS[operator].sql
    if compiler is None:
        raise ValueError(f"{operator} is refused in segments")
    return f"({compiler(values.field(json), wanted)})"


def followed(values: SqlRule, json: str, names: list[str]) -> str:
    """The value at a path below an object, as `app.lib.conversions.follow` has it; null for a JSON null too."""
    if not names:
        return json
    if len(names) == 1 and not json.startswith(
        "to_jsonb("
    ):  # the name of something in an object, whatever it looks like
        return f"nullif({json} -> {values.parameter(names[0], 'text')}, 'null')"
    if any(name in ("size", "first", "last") or name.lstrip("-").isdecimal() for name in names):
        return f"nullif(rule_follow({json}, {values.parameter(names, 'text[]')}), 'null')"
    return f"nullif({json} #> {values.parameter(names, 'text[]')}, 'null')"


def rule_names(facts: Mapping[Fact, int] | None = None, segments: Mapping[UUID, int] | None = None) -> RuleNames:
    return RuleNames(facts or {}, segments or {})


def facts_from(rows: list[tuple[int, str, str, Any, int]]) -> dict[Fact, int]:
    """Facts by what they are: from rows `number, event, match, conditions, keep`."""
    return {
        Fact(
            event, conditions if isinstance(conditions, str) else msgspec.json.encode(conditions).decode(), match, keep
        ): number
        for number, event, match, conditions, keep in rows
    }
