"""Rules as SQL: the same answers as `app.flow.segment_judge`, for many contacts in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from app.flow import paths
from app.flow.conditions import Condition
from app.flow.operators import OPERATORS
from app.flow.rule_sql import SqlField, SqlRule
from app.flow.segment_judge import RuleNames
from app.flow.segment_rules import Fact, RuleCondition, SegmentRule, as_group, field_path, leaves, wanted_segments
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
INSTANT = "(timestamptz '2000-01-01 00:00:00+00' + interval '1 microsecond' * {})"
MICROS = "((extract(epoch from {}) * 1000000)::bigint - 946684800000000)"


class RuleInParts(NamedTuple):
    """A rule as SQL in two steps: `columns` h0, h1, … are what its conditions say of contact `c`; over them, what the whole rule says, and
    each of its `parts`, by its path such as `conditions[1].conditions[0]`."""

    verdict: str
    columns: Sequence[str]
    parts: Mapping[str, str]


def _joined(match: str, parts: Iterable[str]) -> str:
    joined = (" and " if match == "all" else " or ").join(parts)
    return f"({'not ' if match == 'none' else ''}({joined or 'true'}))"


class RuleSql:
    """Some rules over one scan of contacts `c`: `select … from contacts c` + `source()` with `parameters`."""

    def __init__(
        self, names: RuleNames, now: datetime, timezone: str | None, *, everybody_of: int | None = None
    ) -> None:
        """`everybody_of`: all contacts of this workspace are asked, so what is not kept up to date is counted in one pass over its events,
        not contact by contact."""
        self.names, self._everybody_of = names, everybody_of
        self.values = SqlRule(now, timezone)
        self._facts: dict[Fact | int, str] = {}
        """What stands for each thing counted: by its number, or what is counted here."""
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

    def in_parts(self, rule: SegmentRule) -> RuleInParts:
        """The same, and what each condition and group of the rule says alone; each condition is judged once."""
        columns, parts = list[str](), dict[str, str]()

        def compiled(condition: RuleCondition, path: str) -> str:
            if condition.kind == "group":
                at = f"{path}." if path else ""
                inner = [compiled(part, f"{at}conditions[{index}]") for index, part in enumerate(condition.parts)]
                sql = _joined(condition.match, inner)
            else:
                columns.append(self._condition(condition))
                sql = f"h{len(columns) - 1}"
            if path:
                parts[path] = sql
            return sql

        return RuleInParts(compiled(as_group(rule), ""), columns, parts)

    def next_turn(self, rules: Iterable[SegmentRule]) -> str:
        """The instant at which time alone may change the answer of one of these rules next, never too late; null: it does not any more, or
        not while there are calendars."""
        turns = [turn for rule in rules for leaf in leaves(as_group(rule)) for turn in self._turns(leaf)]
        if not turns:
            return "null::timestamptz"
        return f"(select t from (values (least({', '.join(turns)}))) as turns(t) where t < timestamptz '9999-01-01 00:00:00+00')"  # noqa: S608  constants

    def _turns(self, leaf: RuleCondition) -> list[str]:
        if leaf.kind == "field":
            compiler = OPERATORS[leaf.operator].sql_turns
            return compiler(self.values.field(self._field(leaf.field)), leaf.value) if compiler is not None else []
        if leaf.kind != "activity" or leaf.within is None:
            return []
        alias, length = self._alias(leaf.fact), self.values.parameter(leaf.within.micros, "bigint")
        least, most = leaf.bounds
        times = [least] if least else []
        times += [most + 1] if most is not None else []
        instants = [f"{alias}.recent[{one}]" for one in times]
        if leaf.occurrence != "any":
            instants = [f"{alias}.first_at" if leaf.occurrence == "first" else f"{alias}.recent[1]"]
        ends = [f"({one} + {length})" for one in instants]
        return [f"case when {end} > {self._now} then {INSTANT.format(end)} end" for end in ends]

    def _alias(self, fact: Fact) -> str:
        return self._facts.setdefault(self.names.facts.get(fact, fact.shared), f"e{len(self._facts)}")

    def _condition(self, condition: RuleCondition) -> str:
        match condition.kind:
            case "group":
                return _joined(condition.match, map(self._condition, condition.parts))
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
        alias = self._alias(condition.fact)
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

    def _fact_join(self, fact: Fact | int, alias: str) -> str:
        if isinstance(fact, int):
            return (
                f" left join segment_facts {alias} on {alias}.tenant_id = c.tenant_id and {alias}.contact_id = c.id"
                f" and {alias}.fact = {self.values.parameter(fact, 'int')}"
            )
        if self._everybody_of is not None:
            tenant = self.values.parameter(self._everybody_of, "int")
            return f" left join ({counted_of_all_sql(fact, self.values, alias, tenant)}) {alias} on {alias}.contact_id = c.id"
        return f" left join lateral ({counted_sql(fact, self.values, alias)}) {alias} on true"


_COUNTS = """
not exists (select from inbox i where i.tenant_id = {e}.tenant_id and i.event_id = {e}.id)
and not exists (select from dead_letters d where d.tenant_id = {e}.tenant_id and d.contact_id = {e}.contact_id and d.event_id = {e}.id)
and not exists (select from leaving_months l where l.kind = 'events' and {e}.id >= l.first and {e}.id < l.until)
"""
"""Does a stored event count by now? Not what stands in the inbox still or was set aside: it is counted when it is handled. Nor what is on
its way out: that is in the history already."""


def counted_sql(fact: Fact, values: SqlRule, alias: str = "x") -> str:
    """SQL of what the events of contact `c` add up to: `n`, `first_at`, `recent`. Of events that have left only a fact without conditions
    knows, how many they were, when the first and when the last was."""
    # The name as an expression: events are looked for by their contact, whatever the planner thinks of how many have this name.
    of_contact = "{0}.tenant_id = c.tenant_id and {0}.contact_id = c.id and {0}.name || '' = {1}"
    return f"select {_sums(fact)} from ({_counted(fact, values, alias, of_contact)}) a"  # noqa: S608  constants


def counted_of_all_sql(fact: Fact, values: SqlRule, alias: str, tenant: str) -> str:
    """The same for all contacts of a workspace, with `contact_id`."""
    of_all = "{0}.tenant_id = " + tenant + " and {0}.name = {1} and {0}.contact_id is not null"
    return f"select contact_id, {_sums(fact)} from ({_counted(fact, values, alias, of_all)}) a group by contact_id"  # noqa: S608  constants


def _sums(fact: Fact) -> str:
    return f"sum(n)::int as n, min(first_at) as first_at, (array_agg(at order by at desc))[1:{fact.keep}] as recent"


def _counted(fact: Fact, values: SqlRule, alias: str, whose: str) -> str:
    """Rows of `contact_id`, `n`, `first_at`, `at`: events, and what is known of those that have left. `whose`: a condition on an alias
    and a name."""
    e, name = f"{alias}_e", values.parameter(fact.event, "text")
    events = f"""
      select {e}.contact_id, 1 as n, at as first_at, at from events {e} cross join lateral (
        select {MICROS.format(f"least({e}.occurred_at, {e}.received_at)")} as at) m
      where {whose.format(e, name)} and {properties_sql(fact, values, f"{e}.properties")} and {_COUNTS.format(e=e)}
    """  # noqa: S608  constants
    if not fact.counts_all:
        return events
    return f"{events} union all select h.contact_id, h.n, h.first_at, h.last_at from event_history h where {whose.format('h', name)}"  # noqa: S608


def recount_sql(facts: Mapping[int, Fact], values: SqlRule) -> str:
    """The same for many contacts and several facts by their numbers, in one pass over the events: rows of `contact_id`, `fact`, `n`,
    `first_at`, `recent`. Parameters besides those of `values` are `tenant` and `contacts`."""
    listed = ", ".join(
        f"({number:d}, {values.parameter(fact.event, 'text')}, {fact.keep:d}, {str(fact.counts_all).lower()})"
        for number, fact in facts.items()
    )
    held = {number: properties_sql(fact, values, "e.properties") for number, fact in facts.items()}
    cases = " ".join(f"when {number:d} then {sql}" for number, sql in held.items() if sql != "true")
    return f"""
    with facts(fact, name, keep, counts_all) as materialized (values {listed}),
    counted as (
      select e.contact_id, f.fact, f.keep, 1 as n, e.at as first_at, e.at from facts f join (
        select e.*, {MICROS.format("least(e.occurred_at, e.received_at)")} as at from events e
        where e.tenant_id = %(tenant)s and e.contact_id = any(%(contacts)s) and {_COUNTS.format(e="e")}
      ) e on e.name = f.name{f" and case f.fact {cases} else true end" if cases else ""}
      union all
      select h.contact_id, f.fact, f.keep, h.n, h.first_at, h.last_at from facts f join event_history h
        on f.counts_all and h.tenant_id = %(tenant)s and h.contact_id = any(%(contacts)s) and h.name = f.name)
    select contact_id, fact, sum(n)::int as n, min(first_at) as first_at, (array_agg(at order by at desc))[1:keep] as recent
    from counted group by contact_id, fact, keep
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
    return _joined(match, parts)


def _operator_sql(operator: str, values: SqlRule, json: str, wanted: Any) -> str:
    return f"({OPERATORS[operator].sql(values.field(json), wanted)})"


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
