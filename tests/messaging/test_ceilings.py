"""Above its ceiling a workspace's mail waits for the next hour: none is lost, and nobody else waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.messaging import ceilings
from app.settings import settings
from tests.messaging.world import World


def put(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    changed = replace(settings(), ceilings=replace(settings().ceilings, **limits))
    monkeypatch.setattr(ceilings, "settings", lambda: changed)


def sent(world: World, tenant: int) -> int:
    return int(world.value(f"select count(*) from messages where status = 2 and tenant_id = {tenant}"))


def waiting_for_an_hour(world: World) -> int:
    return int(
        world.value(
            "select count(*) from messages where status = 0 and due_at > clock_now() and due_at = date_trunc('hour', due_at)"
        )
    )


def pass_hours(world: World, hours: int = 1) -> None:
    """What was sent was sent earlier, and what waits is due."""
    counts = world.db.execute("delete from mail_counts returning tenant_id, hour, n").fetchall()
    for tenant, hour, n in counts:
        world.db.execute(
            "insert into mail_counts (tenant_id, hour, n) values (%s, %s, %s)",
            (tenant, hour - timedelta(hours=hours), n),
        )
    world.make_due()


def test_an_hour(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, mails_an_hour=5)
    for number in range(12):
        world.message(world.contact(f"c{number}@example.com"))
    other = world.workspace("two")
    world.connector(other, world.sink.port)
    template, workflow = world.template(other), world.workflow(other)
    for number in range(3):
        contact = world.contact(f"o{number}@example.com", tenant=other)
        world.message(contact, tenant=other, template_id=template, workflow_id=workflow)
    world.deliver()
    assert (sent(world, world.tenant), sent(world, other)) == (5, 3)
    assert waiting_for_an_hour(world) == 7
    for so_far in (10, 12):
        pass_hours(world)
        world.deliver()
        assert sent(world, world.tenant) == so_far
    assert len(world.sink.mails) == 15


def test_a_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, mails_an_hour=100, mails_a_day=4)
    for number in range(6):
        world.message(world.contact(f"c{number}@example.com"))
    world.deliver()
    assert sent(world, world.tenant) == 4
    for _ in range(3):
        pass_hours(world)
        world.deliver()
        assert sent(world, world.tenant) == 4, "the day is not over"
    pass_hours(world, 21)
    world.deliver()
    assert sent(world, world.tenant) == 6


def test_the_defaults_hold_nobody_up() -> None:
    """A million mails in an hour are more than the sending of one machine does."""
    limits = settings().ceilings
    assert limits.mails_an_hour >= 1_000_000 and limits.mails_a_day >= 10 * limits.mails_an_hour
