"""Sender, reply address and topic of a mail may be filled in for each contact; rules of the step and the workflow hold all the same."""

from __future__ import annotations

from uuid import uuid4

from tests.fixtures.world import World, flow, node

RETRY = {"attempts": 4, "backoff": {"type": "fixed", "delay": 1_000, "jitter": False}}


def test_each_contact_has_its_own_sender_and_the_step_its_rules(world: World) -> None:
    mail = node(
        "m", "send_email", RETRY, templateId=str(uuid4()), subject="Hi {{ event.name }}", fromName="{{ event.owner }}",
        fromEmail="{{ event.owner | downcase }}@shop.example", topic="{{ event.topic }}",
    )  # fmt: skip
    one = world.workflow(
        flow(
            "go",
            [mail],
            ("trigger", "m"),
            settings={"uncertain": {"then": "resend", "after": {"duration": 2, "unit": "hours"}}},
        )
    )
    people = world.contacts(12)
    for number, person in enumerate(people):
        world.put("go", [person], {"name": f"n{number}", "owner": f"Ada{number}", "topic": "news"})
    world.engine.advance()
    assert world.runs(one) == {"completed": 12}
    payloads = [
        payload
        for (payload,) in world.db.execute(
            "select payload from messages m join contacts c on c.id = m.contact_id order by c.email"
        )
    ]
    assert len(payloads) == 12
    for payload in payloads:
        owner = payload["fromName"]
        assert payload["fromEmail"] == f"{owner.lower()}@shop.example" and payload["topic"] == "news"
        assert payload["subject"] == "Hi {{ event.name }}", "it is filled in when the mail leaves"
        assert payload["retry"][0] == 4 and len(payload) == 6, "tries, and what becomes of one whose fate nobody knows"
    assert len({payload["fromName"] for payload in payloads}) == 12
    world.balanced()


def test_a_sender_that_is_none_fails_the_step_in_words(world: World) -> None:
    mail = node("m", "send_email", templateId=str(uuid4()), fromEmail="{{ event.from }}")
    one = world.workflow(flow("go", [mail], ("trigger", "m")))
    world.put("go", world.contacts(1), {"from": "nobody"})
    world.put("go", world.contacts(1), {})
    world.engine.advance()
    assert world.runs(one) == {"failed": 1, "completed": 1}, "without one, that of the connector is used"
    assert (
        world.one("select error_message from runs where status = 5")
        == "The email was not made. “nobody” is not an e-mail address."
    )
