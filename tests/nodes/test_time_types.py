"""Steps that wait for a time: what they decide about one person, whichever zone they live in, and what they say about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from app.flow import presentation, registry
from app.flow.declared import NodeScope
from app.flow.outcomes import DecidesAgain, Done, Fail, Outcome, Wait, WaitFor
from tests.nodes.person import Person, person, run_of

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)  # a Monday


def someone(at: str = "2026-06-01T12:00", zone: str | None = "Europe/Berlin", **attributes: Any) -> Person:
    """A person at an instant (UTC), who lives in `zone`; the workspace is in New York."""
    step = person(attributes=attributes, **({"timezone": zone} if zone else {}))
    step.now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    step.workspace = "America/New_York"
    return step


def decided(type_: str, data: dict[str, Any], step: Person) -> Outcome:
    kind = registry.get(type_)
    assert registry.diagnostics(kind, data) == []
    return run_of(kind, data)(step)


def woken(type_: str, data: dict[str, Any], step: Person, noted: Any) -> Outcome:
    """What the step comes to when its wait is over, or something it listens for happened."""
    kind, scope = registry.get(type_), NodeScope()
    compiled = kind.compile(registry.config_of(kind, data), scope)
    assert isinstance(compiled, DecidesAgain)
    return scope.guard(lambda seen: compiled.woken(seen, noted))(step)


def until(outcome: Outcome) -> str:
    assert isinstance(outcome, Wait | WaitFor) and outcome.until is not None
    assert datetime.fromisoformat(outcome.output["resumedAt"]) == outcome.until
    return outcome.until.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("until_", "zone", "due"),
    [
        ({"at": "09:00"}, "Europe/Berlin", "2026-06-03T07:00"),
        ({"at": "14:00"}, "Europe/Berlin", "2026-06-02T12:00"),  # not late: it is 14:00 exactly then
        ({"at": "09:00"}, None, "2026-06-02T13:00"),  # no zone: the workspace's
        ({"at": "09:00", "zone": "workspace"}, "Europe/Berlin", "2026-06-02T13:00"),
        ({"at": "09:00", "zone": "Asia/Tokyo"}, "Europe/Berlin", "2026-06-03T00:00"),
        ({"at": "09:00", "weekdays": ["mon"]}, "Europe/Berlin", "2026-06-08T07:00"),
        ({"at": "09:00", "weekdays": ["tue", "sun"]}, "Europe/Berlin", "2026-06-07T07:00"),
        ({"at": "09:00", "weekdays": ["tue"]}, "Pacific/Kiritimati", "2026-06-08T19:00"),  # Tuesday there
    ],
)
def test_a_delay_ends_at_the_next_time_of_day(until_: dict[str, Any], zone: str | None, due: str) -> None:
    """A day from Monday noon UTC on."""
    assert until(decided("delay", {"duration": 1, "unit": "days", "until": until_}, someone(zone=zone))) == due


def test_a_delay_of_nothing_is_the_next_time_of_day() -> None:
    assert until(decided("delay", {"duration": 0, "until": {"at": "14:30"}}, someone())) == "2026-06-01T12:30"
    assert until(decided("delay", {"duration": 0, "until": {"at": "13:59"}}, someone())) == "2026-06-02T11:59"


def test_a_plain_delay_is_the_same_for_everybody() -> None:
    kind = registry.get("delay")
    assert isinstance(kind.compile(registry.config_of(kind, {"duration": 2, "unit": "hours"}), NodeScope()), Wait)


RENEWAL = {"field": "contact.attributes.renewal", "zone": "contact"}


@pytest.mark.parametrize(
    ("data", "value", "due"),
    [
        ({"at": "2026-06-24T09:00"}, None, "2026-06-24T07:00"),
        ({"at": "2026-06-24T09:00", "zone": "workspace"}, None, "2026-06-24T13:00"),
        ({"at": "2026-06-24T09:00+09:00"}, None, "2026-06-24T00:00"),
        ({"at": "{{ contact.attributes.renewal }}"}, "2026-06-24", "2026-06-23T22:00"),
        (RENEWAL, "2026-06-24", "2026-06-23T22:00"),
        (RENEWAL, 1_782_331_200, "2026-06-24T20:00"),
        (RENEWAL, "2026-06-24T20:00Z", "2026-06-24T20:00"),
        ({**RENEWAL, "field": "renewal"}, "2026-06-24T08:00", "2026-06-24T06:00"),
        ({**RENEWAL, "at": "09:00"}, "2026-06-24T23:30Z", "2026-06-25T07:00"),  # it is the 25th where the contact is
        ({**RENEWAL, "offset": {"duration": 3, "unit": "days", "direction": "before"}, "at": "09:00"}, "2026-06-24", "2026-06-21T07:00"),
        ({**RENEWAL, "offset": {"duration": 2, "unit": "hours"}}, "2026-06-24T08:00", "2026-06-24T08:00"),
    ],
)  # fmt: skip
def test_wait_until_a_moment(data: dict[str, Any], value: Any, due: str) -> None:
    assert until(decided("wait_until", data, someone(renewal=value))) == due


def test_what_has_passed_goes_on_at_once_or_leaves_by_its_port() -> None:
    for past, port in (("continue", "next"), ("port", "passed")):
        outcome = decided("wait_until", {**RENEWAL, "past": past}, someone(renewal="2026-05-01"))
        assert isinstance(outcome, Done) and outcome.port == port
        assert outcome.output == {"resumedAt": "2026-05-01T00:00:00+02:00", "zone": "Europe/Berlin"}


def test_a_date_that_moves_takes_the_wait_along() -> None:
    data = {**RENEWAL, "past": "port"}
    first = decided("wait_until", data, someone(renewal="2026-06-24"))
    assert isinstance(first, WaitFor) and first.event == "contact.updated"
    assert until(woken("wait_until", data, someone(renewal="2026-07-01"), first.output)) == "2026-06-30T22:00"
    on_time = woken("wait_until", data, someone("2026-06-23T22:00", renewal="2026-06-24"), first.output)
    assert isinstance(on_time, Done) and on_time.port == "next"
    into_the_past = woken("wait_until", data, someone(renewal="2026-05-01"), first.output)
    assert isinstance(into_the_past, Done) and into_the_past.port == "passed"
    taken_away = woken("wait_until", data, someone(), first.output)
    assert isinstance(taken_away, Fail) and "renewal is empty" in taken_away.error


@pytest.mark.parametrize(
    ("field", "zone", "changed", "concerned"),
    [
        ("contact.attributes.renewal", "workspace", ["attributes.renewal"], True),
        ("contact.renewal", "workspace", ["attributes.renewal", "tags"], True),
        ("renewal", "workspace", ["attributes.renewal"], True),
        ("contact.attributes.plan.renewal", "workspace", ["attributes.plan"], True),
        ("contact.attributes.renewal", "workspace", ["attributes.other", "timezone"], False),
        ("contact.attributes.renewal", "contact", ["timezone"], True),
        ("contact.attributes.renewal", "contact", [], False),
    ],
)
def test_only_what_may_move_it_wakes_it(field: str, zone: str, changed: list[str], concerned: bool) -> None:
    kind = registry.get("wait_until")
    config = registry.config_of(kind, {"field": field, "zone": zone})
    compiled = kind.compile(config, NodeScope())
    assert isinstance(compiled, DecidesAgain) and compiled.concerns is not None
    assert compiled.concerns({"changed": changed}) is concerned
    assert list(kind.events(config)) == ["contact.updated"]


def test_a_date_that_cannot_move_listens_to_nothing() -> None:
    kind = registry.get("wait_until")
    for data in ({"at": "2026-12-24"}, {"field": "event.starts_at"}, {"field": "vars.at"}):
        assert list(kind.events(registry.config_of(kind, data))) == []
    outcome = run_of(kind, {"field": "event.starts_at"})(person(event={"starts_at": "2026-12-24"}))
    assert isinstance(outcome, Wait)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "renewal is empty"),
        ("", "renewal is empty"),
        ("soon", "renewal is “soon”"),
        (True, "renewal is “true”"),
        ("9999-12-31", "too far away"),
    ],
)
def test_a_contact_without_the_date_fails_in_words(value: Any, words: str) -> None:
    data = {**RENEWAL, "offset": {"duration": 9, "unit": "days"}}
    outcome = decided("wait_until", data, someone(renewal=value))
    assert isinstance(outcome, Fail) and outcome.permanent and words in outcome.error


@pytest.mark.parametrize(
    ("at", "zone", "opening"),
    [
        ("2026-06-01T12:00", "Europe/Berlin", None),
        ("2026-06-01T15:00", "Europe/Berlin", "2026-06-02T07:00"),  # 17:00 sharp
        ("2026-06-01T12:00", None, "2026-06-01T13:00"),  # 8:00 in New York
        ("2026-06-05T20:00", "Europe/Berlin", "2026-06-08T07:00"),  # Friday evening
        ("2026-12-24T20:00", "Europe/Berlin", "2026-12-28T08:00"),  # the 25th is a holiday, a Friday
    ],
)
def test_a_window_lets_pass_or_holds_until_it_opens(at: str, zone: str | None, opening: str | None) -> None:
    data = {"from": "09:00", "to": "17:00", "weekdays": ["mon", "tue", "wed", "thu", "fri"], "holidays": ["2026-12-25"]}
    outcome = decided("time_window", data, someone(at, zone))
    if opening is None:
        assert isinstance(outcome, Done) and outcome.output == {"waited": False}
        return
    assert until(outcome) == opening
    assert outcome.output["waited"] is True
    opened = woken("time_window", data, someone(opening, zone), outcome.output)
    assert isinstance(opened, Done) and opened.output == outcome.output
    late = woken("time_window", data, someone("2027-01-02T12:00", zone), outcome.output)
    assert until(late).startswith("2027-01-04T"), "a Saturday: it was paused for too long"


def test_a_window_that_never_opens_fails() -> None:
    days = [(NOON + timedelta(days=7 * number)).date().isoformat() for number in range(366)]
    weekly = {"weekdays": ["mon"], "holidays": days}
    assert registry.diagnostics(registry.get("time_window"), weekly) == []
    assert isinstance(decided("time_window", weekly, someone()), Wait), "after seven years"


def test_wait_for_event_says_what_it_waits_for() -> None:
    data = {"event": "order.paid", "timeout": {"duration": 2, "unit": "hours"}, "since": "run_start"}
    outcome = decided("wait_for_event", data, person())
    assert isinstance(outcome, WaitFor)
    assert (outcome.event, outcome.seconds, outcome.since, outcome.conditions) == (
        "order.paid",
        7_200,
        "run_start",
        None,
    )


ODD_RULE = {"field": "a", "operator": "is", "value": 1}


@pytest.mark.parametrize(
    ("type_", "data", "path", "words", "incomplete"),
    [
        ("delay", {"until": {"at": "9:00"}}, "until.at", "09:30", False),
        ("delay", {"until": {"at": "24:00"}}, "until.at", "09:30", False),
        ("delay", {"until": {"weekdays": ["monday"]}}, "until.weekdays[0]", "mon", False),
        ("delay", {"until": {"zone": "Mars/Base"}}, "until.zone", "no time zone", False),
        ("delay", {"duration": -1, "until": {}}, "duration", "above 0", False),
        ("wait_until", {}, "at", "Say until when", True),
        ("wait_until", {"at": "tomorrow"}, "at", "no date", False),
        ("wait_until", {"at": "2026-02-30"}, "at", "no date", False),
        ("wait_until", {"field": "a b"}, "field", "is not a field", False),
        ("wait_until", {"field": "contact.renewal", "at": "2026-12-24"}, "at", "time of day", False),
        ("wait_until", {"field": "renewal", "offset": {"duration": -3}}, "offset.duration", "0", False),
        ("wait_until", {"field": "renewal", "offset": {"duration": 600, "unit": "weeks"}}, "offset.duration", "3650", False),
        ("wait_until", {"at": "2026-12-24", "zone": "PST"}, "zone", "America/Los_Angeles", False),
        ("wait_until", {"at": "2026-12-24", "past": "fail"}, "past", "not one of", False),
        ("wait_for_event", {}, "event", "Choose the event", True),
        ("wait_for_event", {"event": "x", "timeout": {"duration": 0}}, "timeout.duration", "above 0", False),
        ("wait_for_event", {"event": "x", "timeout": {"duration": 53, "unit": "weeks"}}, "timeout.duration", "365 days", False),
        ("wait_for_event", {"event": "x", "since": "ever"}, "since", "not one of", False),
        ("wait_for_event", {"event": "x", "conditions": [ODD_RULE]}, "conditions[0].operator", "no operator", False),
        ("time_window", {"from": "nine"}, "from", "09:30", False),
        ("time_window", {"holidays": ["christmas"]}, "holidays[0]", "date", False),
        ("time_window", {"zone": ""}, "zone", "no time zone", False),
        ("time_window", {"weekdays": ["mon", "tues"]}, "weekdays[1]", "tue", False),
    ],
)  # fmt: skip
def test_bad_configurations_name_the_field_and_the_mend(
    type_: str, data: dict[str, Any], path: str, words: str, incomplete: bool
) -> None:
    diagnostics = registry.diagnostics(registry.get(type_), data)
    assert [(one.path, one.blocks_save) for one in diagnostics] == [(path, not incomplete)]
    assert words in diagnostics[0].message


TOKYO = {"resumedAt": "2026-06-02T09:00:00+09:00", "zone": "Asia/Tokyo"}


def taken(output: Any, port: str | None, hours: float | None) -> Any:
    return SimpleNamespace(
        output=output, port=port, started_at=NOON, completed_at=None if hours is None else NOON + timedelta(hours=hours)
    )


@pytest.mark.parametrize(
    ("type_", "data", "step", "sentence"),
    [
        ("delay", {"until": {"at": "09:00"}}, taken({"resumedAt": "2026-06-02T09:00:00+02:00", "zone": "Europe/Berlin"}, None, None),
         "The run waits here until Tuesday, Jun 2, 2026 at 09:00 CEST (Europe/Berlin), where the contact is."),
        ("delay", {"until": {"at": "09:00"}}, taken({"resumedAt": "2026-06-02T09:00:00+02:00", "zone": "Europe/Berlin"}, "next", 19),
         "Waited 19 h, until Tuesday, Jun 2, 2026 at 09:00 CEST (Europe/Berlin)."),
        ("delay", {}, taken(None, "next", 24), "Waited 1 d."),
        ("wait_until", RENEWAL, taken({"resumedAt": "2026-06-24T00:00:00+00:00", "zone": "UTC"}, None, None),
         "Waits until Wednesday, Jun 24, 2026 at 00:00 UTC. It moves with the contact’s date."),
        ("wait_until", {"at": "2026-05-01", "past": "port"}, taken({"resumedAt": "2026-05-01T00:00:00+00:00", "zone": "UTC"}, "passed", 0),
         "The moment had passed already: Friday, May 1, 2026 at 00:00 UTC."),
        ("wait_for_event", {"event": "paid"}, taken({"name": "paid", "occurredAt": "2026-06-01T14:00:00+00:00"}, "next", 2),
         "The event “paid” happened after 2 h."),
        ("wait_for_event", {"event": "paid"}, taken({"name": "paid", "occurredAt": "2026-06-01T11:00:00+00:00"}, "next", 0),
         "The event “paid” happened 1 h before the run came here."),
        ("wait_for_event", {"event": "paid"}, taken(None, "timeout", 72), "The event “paid” did not come in time: 3 d went by."),
        ("time_window", {}, taken({"waited": False}, "next", 0),
         "It was inside the window, where the contact is, so the run continued at once."),
        ("time_window", {"zone": "Asia/Tokyo"}, taken({"waited": True, **TOKYO}, None, None),
         "Waits for the window to open, in Asia/Tokyo: Tuesday, Jun 2, 2026 at 09:00 JST (Asia/Tokyo)."),
    ],
)  # fmt: skip
def test_the_run_page_explains_with_local_times(type_: str, data: dict[str, Any], step: Any, sentence: str) -> None:
    kind = registry.get(type_)
    config = registry.config_of(kind, data)
    assert kind.explain(config, step) == sentence
    if step.output and "resumedAt" in step.output:
        assert kind.due_at(config, step) == datetime.fromisoformat(step.output["resumedAt"])


@pytest.mark.parametrize(
    ("type_", "data", "summary"),
    [
        ("delay", {"duration": 2, "unit": "days", "until": {"at": "09:00", "weekdays": ["thu", "tue", "wed"]}},
         "Wait 2 days, then until 09:00 on Tuesday to Thursday"),
        ("delay", {"duration": 0, "until": {"at": "09:00", "weekdays": ["sun", "mon"]}}, "Wait until 09:00 on Monday or Sunday"),
        ("wait_until", {**RENEWAL, "offset": {"duration": 1, "unit": "weeks", "direction": "before"}, "at": "08:30"},
         "Wait until 1 week before renewal at 08:30"),
        ("wait_until", {"at": "2026-12-24T09:00"}, "Wait until 2026-12-24 09:00"),
        ("wait_for_event", {"event": "paid", "timeout": {"duration": 1, "unit": "days"}}, "Wait up to 1 day for paid"),
        ("time_window", {"from": "22:00", "to": "06:00", "weekdays": ["sat"], "holidays": ["2026-12-26"]},
         "Only 22:00 to 06:00, Saturday, without 1 holiday"),
    ],
)  # fmt: skip
def test_cards_say_it_in_a_line(type_: str, data: dict[str, Any], summary: str) -> None:
    kind = registry.get(type_)
    assert kind.summary(registry.config_of(kind, data)) == summary


def test_old_documents_with_nulls_still_read() -> None:
    kind = registry.get("delay")
    assert registry.config_of(kind, {"duration": 1, "until": None}).until is None
    assert kind.summary(registry.config_of(kind, {"duration": 1, "until": None})) == "Wait 1 day"
    assert msgspec.json.schema(kind.Config)


def test_a_form_offers_a_time_limit_where_somebody_else_ends_the_step_and_its_own_settings_have_none() -> None:
    offered = {name for name, looks in presentation.steps().items() if looks.timed}
    assert offered >= {"send_email", "sub_workflow", "loop"}
    assert not offered & {"hold", "wait_for_event", "http_request", "delay", "wait_until", "time_window", "condition"}
