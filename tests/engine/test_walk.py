"""Runs walk: branches, waits, loops over contacts, poison, retries, error ports, data that cannot be stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.fixtures.world import World, flow, node, rule

BROKE = "This step stopped on a fault in the program. The log of the worker says more."
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_branch_a_wait_and_ends_in_one_batch(any_way: World) -> None:
    world = any_way
    people = world.contacts(5)
    world.travel(NOW)
    flow_id = world.workflow(
        flow(
            "e",
            [node("c", "condition", conditions=[rule("contact.email", "starts_with", "u1-")]), node("d", "delay", duration=1, unit="days"),
             node("t", "add_tag", tag="late"), node("end", "end")],
            ("trigger", "c"), ("c", "d", "true"), ("c", "end", "false"), ("d", "t"), ("t", "end"),
        )
    )  # fmt: skip
    world.emit("e", people)
    assert world.runs(flow_id) == {"completed": 4, "waiting": 1}
    world.balanced()
    world.travel(NOW + timedelta(hours=23))
    assert world.runs(flow_id) == {"completed": 4, "waiting": 1}
    world.travel(NOW + timedelta(days=1))
    assert world.runs(flow_id) == {"completed": 5}
    assert len(world.steps(flow_id)) == 4 * 2 + 4
    assert world.one("select count(*) from contacts where 'late' = any(tags)") == 1
    assert world.one("select completed_at - started_at from steps where node_id = 'd'") == timedelta(days=1)
    world.balanced()


def test_a_decision_keeps_what_was_wanted_and_what_was_there(world: World) -> None:
    (person,) = world.contacts(1, attributes={"plan": "free"})
    world.workflow(
        flow(
            "e",
            [
                node(
                    "c",
                    "condition",
                    conditions=[rule("contact.plan", "equals", "pro"), rule("amount", "greater_than", 5)],
                )
            ],
            ("trigger", "c"),
        )
    )
    world.emit("e", [person], {"amount": "7"})
    assert world.one("select output from steps") == {
        "branch": "false",
        "rules": [
            {"field": "contact.plan", "operator": "equals", "wanted": "pro", "actual": "free", "held": False},
            {"field": "amount", "operator": "greater_than", "wanted": 5, "actual": "7", "held": True},
        ],
    }


def test_two_runs_of_one_contact_in_one_batch_go_in_order(any_way: World) -> None:
    world = any_way
    one, two = world.contacts(2)
    flow_id = world.workflow(
        flow(
            "e",
            [node("u", "update_contact", increment={"n": 1}), node("c", "condition", conditions=[rule("contact.n", "greater_than", 1)]),
             node("t", "add_tag", tag="second"), node("end", "end")],
            ("trigger", "u"), ("u", "c"), ("c", "t", "true"), ("c", "end", "false"), ("t", "end"),
        )
    )  # fmt: skip
    world.emit("e", [one, one, two])
    assert world.runs(flow_id) == {"completed": 3}
    assert world.db.execute("select attributes->'n', tags from contacts where id = %s", (one,)).fetchone() == (
        2,
        ["second"],
    )
    world.balanced()


def test_poison_fails_alone_and_says_why(any_way: World) -> None:
    world = any_way
    flow_id = world.workflow(flow("e", [node("b", "trouble"), node("end", "end")], ("trigger", "b"), ("b", "end")))
    world.emit("e", world.contacts(5))
    assert world.runs(flow_id) == {"completed": 4, "failed": 1}
    assert world.one("select error_message from runs where status = 5") == BROKE
    assert world.one("select error_message from steps where status = 5") == BROKE
    world.balanced()


def test_a_failed_step_is_tried_again_then_leaves_by_its_error_port(any_way: World) -> None:
    world = any_way
    world.travel(NOW)
    retry = {"maxAttempts": 3, "backoff": "exponential", "delaySeconds": 60, "jitter": False}
    flow_id = world.workflow(
        flow(
            "e", [node("b", "trouble", retry), node("t", "add_tag", tag="errored"), node("end", "end")],
            ("trigger", "b"), ("b", "end"), ("b", "t", "error"),
        )
    )  # fmt: skip
    world.emit("e", world.contacts(5))
    assert world.runs(flow_id) == {"completed": 4, "running": 1}
    assert world.one("select resume_at from runs where status = 0") == NOW + timedelta(seconds=60)
    world.travel(NOW + timedelta(seconds=60))
    assert world.one("select resume_at from runs where status = 0") == NOW + timedelta(seconds=180)
    world.balanced()
    world.travel(NOW + timedelta(seconds=180))
    assert world.runs(flow_id) == {"completed": 5}
    assert ("b", "failed", "error") in world.steps(flow_id)
    assert world.db.execute("select attempt, next_at from step_attempts order by attempt").fetchall() == [
        (1, NOW + timedelta(seconds=60)), (2, NOW + timedelta(seconds=180)),
    ]  # fmt: skip
    assert world.one("select attempt from steps where node_id = 'b' and status = 5") == 3
    world.balanced()


def test_what_cannot_be_stored_is_set_aside_and_the_rest_goes_on(any_way: World) -> None:
    world = any_way
    flow_id = world.workflow(
        flow("e", [node("b", "trouble", mode="zero"), node("end", "end")], ("trigger", "b"), ("b", "end"))
    )
    world.emit("e", world.contacts(40))
    assert world.runs(flow_id) == {"completed": 39}
    assert world.one("select count(*) from dead_letters") == 1
    world.balanced()


def test_a_resumed_run_that_cannot_be_stored_fails_alone(any_way: World) -> None:
    world = any_way
    world.travel(NOW)
    flow_id = world.workflow(
        flow(
            "e",
            [node("d", "delay", duration=1, unit="hours"), node("b", "trouble", mode="odd")],
            ("trigger", "d"),
            ("d", "b"),
        )
    )
    world.emit("e", world.contacts(12))
    world.travel(NOW + timedelta(hours=1))
    assert world.runs(flow_id) == {"completed": 11, "failed": 1}
    world.balanced()


def test_each_person_gets_values_of_their_own(any_way: World) -> None:
    world = any_way
    people = world.contacts(12, attributes={"m": 1})
    flow_id = world.workflow(
        flow(
            "e", [node("u", "update_contact", 
                       set={"hi": "Hi {{ contact.email }}", "paid": "{{ event.amount }}", "source": "flow"}, increment={"m": 2}),
                  node("t", "add_tag", tag="many"), node("r", "remove_tag", tag="none")],
            ("trigger", "u"), ("u", "t"), ("t", "r"),
        )
    )  # fmt: skip
    world.emit("e", people, {"amount": 12.5})
    assert world.runs(flow_id) == {"completed": 12}
    assert world.one(
        "select count(*) from contacts where attributes = jsonb_build_object('hi', 'Hi ' || email, 'paid', 12.5, 'm', 3)"
        " and tags = '{many}' and source = 'flow'"
    ) == 12  # fmt: skip


def test_later_steps_read_what_earlier_ones_put_out(world: World) -> None:
    world.travel(NOW)
    (person,) = world.contacts(1)
    world.workflow(
        flow(
            "e", [node("u", "update_contact", set={"x": "{{ event.x }}"}), node("d", "delay", duration=1, unit="minutes"),
                  node("c", "condition", conditions=[rule("steps.u.set.x", "equals", 5)]), node("t", "add_tag", tag="five")],
            ("trigger", "u"), ("u", "d"), ("d", "c"), ("c", "t", "true"),
        )
    )  # fmt: skip
    world.emit("e", [person], {"x": 5})
    world.travel(NOW + timedelta(minutes=1))
    assert world.one("select tags from contacts") == ["five"]


def test_a_message_is_queued_and_the_run_goes_on(any_way: World) -> None:
    world = any_way
    template = "550e8400-e29b-41d4-a716-446655440001"
    flow_id = world.workflow(
        flow(
            "e",
            [node("m", "send_email", templateId=template, subject="Hi"), node("end", "end")],
            ("trigger", "m"),
            ("m", "end"),
        )
    )
    world.emit("e", world.contacts(3))
    assert world.runs(flow_id) == {"completed": 3}
    assert world.db.execute(
        "select distinct seq, status, channel, payload, due_at = created_at from messages"
    ).fetchall() == [(1, 0, 1, {"subject": "Hi"}, True)]


def test_a_send_with_an_error_port_waits_for_its_message(any_way: World) -> None:
    world = any_way
    template = "550e8400-e29b-41d4-a716-446655440001"
    flow_id = world.workflow(
        flow(
            "e", [node("m", "send_email", templateId=template), node("ok", "add_tag", tag="ok"), node("bad", "add_tag", tag="bad")],
            ("trigger", "m"), ("m", "ok"), ("m", "bad", "error"),
        )
    )  # fmt: skip
    one, two = world.contacts(2)
    world.emit("e", [one, two])
    assert world.runs(flow_id) == {"running": 2}
    assert world.one("select bool_and((payload->>'awaited')::boolean) from messages") is True
    for person, port, error in ((one, "next", None), (two, "error", "550 no such mailbox")):
        run_id = world.one("select id from runs where contact_id = %s", person)
        answer = {"seq": 1, "port": port, "output": {"status": "sent" if error is None else "failed"}, "error": error}
        world.put("message", [person], answer, kind=2, run_id=run_id)
    world.engine.advance()
    assert world.runs(flow_id) == {"completed": 2}
    assert [world.one("select tags from contacts where id = %s", person) for person in (one, two)] == [["ok"], ["bad"]]
    assert world.one("select error_message from steps where status = 5") == "550 no such mailbox"
    world.balanced()
