"""One rule, two compilers: the function for one contact and the SQL for a set answer alike, for all operators and awkward values."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from app.flow import operator_sql, operators
from app.flow.operators import OPERATORS
from app.flow.segment_judge import FOREVER, RuleNames, judge_of
from app.flow.segment_rule_checks import rule_diagnostics
from app.flow.segment_rules import SegmentRule, segment_rule
from app.lib import conversions
from app.lib.binary_fields import instant, microseconds
from app.lib.zones import zone_of
from app.membership import rule_repository
from app.membership.rule_repository import RuleSql

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
POOL: list[Any] = [
    None, True, False, 0, 1, 5, -3, 1.0, 1.5, 0.1, -0.0, 1e22, 1e-7, 12345678901234567890, 123456789012345678, 1234567890123456.5, 2.50,
    "", " ", "\u2003", "5", " 5 ", "+5", "5.0", "5e0", "05", "1e99", "12345678901234567891", "true", "TRUE", "False", " yes ", "Off",
    "free", "Free", " FREE\n", "éclair", "ÉCLAIR", "e\u0301clair", "straße", "STRASSE", "ΣΑΣ", "σας", "İstanbul", "istanbul", "ǅ", "ŉ",
    "\ufb01n", "fin", "ᏸ", "Ᏸ", "\u1e9e", "a'b", 'a"b', "a%b_c\\", "NaN", "Infinity", "1_000", "٣", "\u00a05", "now", "infinity",
    "2026-02-28", "2026-02-29", "2024-02-29", "2026-03-01", " 2026-03-01 ", "20260301", "2026-3-1", "2026-13-01", "2026-00-01", 
    "0000-01-01",
    "2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00", "2026-03-01 11:59:59.999999", "2026-03-01T11:59:59.9999999", 
    "2026-02-22T12:00:00Z",
    "2026-03-01T00:30", "1990-03-08T23:30:00-0500", "2100-02-29", "2000-02-29", "2026-03-08T12:00:00+00", "2025-10-26T02:30:00",
    "2026-03-29T02:30:00", "2025-11-02T01:30", "2026-02-22", "2026-02-21", "2026-03-08", "2026-03-09", 
    "9999-12-31T23:59:59+00:00", "2026-W10",
    "--03-01", " --0308 ", "02-22", "--02-29", "--02-28", "--12-31", "--02-30", "--13-01", "-03-01", "--3-1", "03-01-", "--03-08\u2003",
    1772366400, 1772366400000, "1772366400", "1772366399.5", 1771761600, -62135596801, 1e15,
    [], ["a"], ["5", 5], [True], ["Free", None], [["a"]], {}, {"free": 1}, {"5": 1}, {"a": {"b": [1, "x"]}}, ["B", "a"],
]  # fmt: skip
END = microseconds(datetime(9999, 1, 1, tzinfo=UTC))
"""Later turns are of no interest."""
ZONES = (None, "UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/New_York", "Asia/Kolkata", "Pacific/Pago_Pago")
SCALARS = [value for value in POOL if value not in (None, "", []) and not isinstance(value, list | dict)]
NUMBERS = [value for value in SCALARS if conversions.as_number(value) is not None]
DATES = [value for value in SCALARS if conversions.as_date(value) is not None]
DURATIONS = [
    {"duration": amount, "unit": unit}
    for amount, unit in ((7, "days"), (0.5, "days"), (1, "weeks"), (36, "hours"), (1, "seconds"))
]
WANTED: dict[str, list[Any]] = {
    "none": [None],
    "text": SCALARS,
    "any": [*SCALARS, ["a"], ["b", "A"], {"a": {"b": ["1", "X"]}}],
    "many": [[one, other] for one, other in itertools.pairwise(SCALARS)] + [["a", ["a"]]],
    "number": NUMBERS,
    "pair": [[-3, 5], ["0.1", 1.5], [5, "5.0"], [12345678901234567890, 12345678901234567891]],
    "date": DATES,
    "duration": DURATIONS,
    "pattern": ["^fr", "e+$", r"\d{2}", "[^a-z]", "straß|σας", "^.*$", r"\bx?", "É"],
}
FIELDS = ("attributes.a", "a", "contact.b", "attributes.o.free", "attributes.l.0", "attributes.l.last", "attributes.l.size",
          "attributes.o.size", "contact.email", "contact.timezone", "contact.source", "tags", 
          "tags.0", "consent.email", "contact.created_at")  # fmt: skip


@dataclasses.dataclass
class Known:
    """A contact, as rules look at it."""

    columns: dict[str, Any]
    attributes: dict[str, Any]
    tags: list[str]
    consent: dict[str, Any]
    id: bytes
    now: datetime = NOW
    event: Any = dataclasses.field(default_factory=dict)
    facts: Any = dataclasses.field(default_factory=dict)
    segments: set[int] = dataclasses.field(default_factory=set)
    workflows: Any = dataclasses.field(default_factory=dict)

    @property
    def contact(self) -> Known:
        return self

    @property
    def moment(self) -> int:
        return microseconds(self.now)

    @property
    def zone(self) -> tzinfo:
        return zone_of(self.columns["timezone"], "Asia/Kolkata")


def people() -> dict[UUID, Known]:
    dice = random.Random(1)
    known = {}
    for number, value in enumerate(POOL * 2):
        contact_id = UUID(int=number + 1)
        other = dice.choice(POOL)
        attributes: dict[str, Any] = {"a": value, "b": other, "o": {"free": value}, "l": [value, other], "k": number}
        if value is None and number % 2:
            del attributes["a"]
        columns = {
            "email": f"p{number}@example.com" if number % 3 else None,
            "source": dice.choice((None, "import", "Éclair")),
            "timezone": ZONES[number % len(ZONES)],
            "created_at": NOW - timedelta(days=number % 12, seconds=number),
        }
        tags = dice.sample(["Free", "a", "5", "vip"], number % 4)
        consent = dice.choice(({}, {"email": True}, {"email": False}, {"email": None}))
        known[contact_id] = Known(columns, attributes, tags, consent, contact_id.bytes)
    return known


class Both:
    """The two compilers over the same people."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection, self.people = connection, people()
        connection.execute("insert into workspaces (id, name, slug) overriding system value values (1, 'W', 'w')")
        for contact_id, one in self.people.items():
            connection.execute(
                "insert into contacts (tenant_id, id, email, source, timezone, created_at, attributes, tags, consent)"
                " values (1, %s, %s, %s, %s, %s, %s, %s, %s)",
                (contact_id, *one.columns.values(), Jsonb(one.attributes), one.tags, Jsonb(one.consent)),
            )

    def compare(self, raw: dict[str, Any]) -> list[tuple[Any, ...]]:
        """The contacts for whom the answers differ, with what was there."""
        assert rule_diagnostics(raw) == [], raw
        rule = segment_rule(raw)
        judge = judge_of(rule, RuleNames({}, {}))
        by_sql = self.by_sql(rule)
        return [
            (raw, one.attributes, one.columns, held, by_sql[contact_id])
            for contact_id, one in self.people.items()
            if (held := judge(one)[0]) is not by_sql[contact_id]  # type: ignore[arg-type]
        ]

    def turns(self, rule: SegmentRule) -> dict[UUID, datetime | None]:
        """When SQL says that time changes it next."""
        sql = RuleSql(RuleNames({}, {}), NOW, "Asia/Kolkata")
        turn = sql.next_turn([rule])
        with self.connection.transaction():
            rows = self.connection.execute(
                f"select c.id, {turn} from contacts c{sql.source()} where c.tenant_id = 1",
                sql.parameters,
            )
        return dict(rows.fetchall())

    def by_sql(self, rule: SegmentRule) -> dict[UUID, bool | None]:
        sql = RuleSql(RuleNames({}, {}), NOW, "Asia/Kolkata")
        verdict = sql.verdict(rule)
        with self.connection.transaction():  # a statement that fails leaves the others alone
            rows = self.connection.execute(
                f"select c.id, {verdict} from contacts c{sql.source()} where c.tenant_id = 1", sql.parameters
            )
        return dict(rows.fetchall())


@pytest.fixture(scope="module")
def both(database_url: str) -> Iterator[Both]:
    with psycopg.connect(database_url) as connection:
        yield Both(connection)
        connection.rollback()


def rules_of(name: str, dice: random.Random, count: int) -> Iterator[dict[str, Any]]:
    operator = OPERATORS[name]
    values = WANTED[operator.shape]
    for value in values if len(values) <= count else dice.sample(values, count):
        yield {"field": dice.choice(FIELDS), "operator": name, "value": value}


SETS = list(OPERATORS)


@pytest.mark.parametrize("name", SETS)
def test_each_operator_answers_alike_for_one_and_for_many(both: Both, name: str) -> None:
    dice = random.Random(name)
    for rule in rules_of(name, dice, 14):
        for field in (rule["field"], "attributes.a"):
            assert both.compare({"conditions": [{**rule, "field": field}]})[:3] == []


def group(dice: random.Random, depth: int = 1) -> dict[str, Any]:
    parts = []
    for _ in range(dice.randint(1, 3)):
        if depth < 3 and dice.random() < 0.3:
            parts.append(group(dice, depth + 1))
        else:
            parts += list(rules_of(dice.choice(SETS), dice, 1))
    return {"match": dice.choice(("all", "any", "none")), "conditions": parts}


def test_groups_answer_alike(both: Both) -> None:
    dice = random.Random(7)
    unknown = 0
    for _ in range(60):
        rule = group(dice)
        assert both.compare(rule)[:3] == []
        unknown += list(both.by_sql(segment_rule(rule)).values()).count(None)
    assert unknown > 100, "values that cannot be compared are among them"


def test_an_answer_stands_until_it_says(both: Both) -> None:
    """Nothing changes before `until`, and SQL does not wake later than that."""
    dice = random.Random(11)
    for name in (name for name, one in OPERATORS.items() if one.turns is not None):
        for rule in rules_of(name, dice, 5):
            raw = {"conditions": [{**rule, "field": "attributes.a"}]}
            judge, by_sql = judge_of(segment_rule(raw), RuleNames({}, {})), both.turns(segment_rule(raw))
            for contact_id, one in both.people.items():
                held, until = judge(one)  # type: ignore[arg-type]
                turn = by_sql[contact_id]
                assert (END if turn is None else microseconds(turn)) <= until, (raw, one)
                if until < FOREVER and until < microseconds(NOW + timedelta(days=800)):
                    just_before = dataclasses.replace(one, now=instant(until - 1))
                    then = dataclasses.replace(one, now=instant(until))
                    assert judge(just_before)[0] is held, (raw, one)  # type: ignore[arg-type]
                    assert judge(then)[0] is not held, (raw, one)  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", ["lists", "boundary", "null as false", "float", "letters"])
def test_a_fault_in_one_compiler_is_seen(both: Both, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail: each of these faults is found."""
    if fault == "lists":
        honest = rule_repository.followed
        monkeypatch.setattr(
            rule_repository, "followed", lambda *a: honest(*a).replace("rule_follow(", "(").replace(", %(", " #> %(")
        )
    elif fault == "boundary":
        monkeypatch.setitem(OPERATORS, "between", dataclasses.replace(OPERATORS["between"], sql=lambda field, wanted: (
            operator_sql._unless_blank(field, f"{field.number} > {wanted[0]}"))))  # fmt: skip
    elif fault == "null as false":
        monkeypatch.setattr(operator_sql, "_unless_blank", lambda field, sql: f"coalesce({sql}, false)")
    elif fault == "float":
        monkeypatch.setattr(operators, "as_exact", conversions.as_number)
        monkeypatch.setattr(
            conversions, "as_exact", lambda v: None if (n := conversions.as_number(v)) is None else float(n)
        )
    else:
        monkeypatch.setattr(operators, "folded", lambda text: text.strip().lower())
    rules = {
        "lists": {"field": "attributes.l.last", "operator": "exists", "value": None},
        "boundary": {"field": "attributes.a", "operator": "between", "value": [5, 9]},
        "null as false": {"field": "attributes.a", "operator": "greater_than", "value": 1},
        "float": {"field": "attributes.a", "operator": "equals", "value": 12345678901234567891},
        "letters": {"field": "attributes.a", "operator": "equals", "value": "STRASSE"},
    }
    differing = both.compare({"conditions": [rules[fault]]})
    differing += both.compare(
        {"match": "none", "conditions": [{"field": "attributes.a", "operator": "is_empty", "value": None}]}
    )
    differing += both.compare({"conditions": [{"field": "attributes.o.free", "operator": "exists", "value": None}]})
    assert differing
