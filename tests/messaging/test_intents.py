"""Between the claim of a mail and its intent: what changed meanwhile counts, and many intents are written together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from app.messaging import commits, deliver
from app.messaging.commits import Commits
from app.messaging.outgoing import Claimed, Ready
from tests.messaging.world import World

_LIST = "insert into suppressions (tenant_id, channel, address, reason, at) values (%(tenant)s, 1, %(address)s, 'unsubscribed', now())"


def between(world: World, monkeypatch: pytest.MonkeyPatch, *statements: tuple[str, dict[str, Any]]) -> None:
    """Execute these once, when the first mail is made: it is claimed, and its intent is not written yet."""
    make, left = deliver.make, list(statements)

    def meanwhile(claimed: Claimed) -> Any:
        ready = make(claimed)
        while left:
            statement, parameters = left.pop(0)
            world.db.execute(statement, {"tenant": world.tenant, **parameters})
        return ready

    monkeypatch.setattr(deliver, "make", meanwhile)


def moved_to(address: str) -> tuple[str, dict[str, Any]]:
    return "update contacts set email = %(email)s where tenant_id = %(tenant)s", {"email": address}


def listed(address: str) -> tuple[str, dict[str, Any]]:
    return _LIST, {"address": address}


def test_an_address_that_is_put_on_the_list_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = world.message(world.contact("zoe@bücher.example"))
    between(world, monkeypatch, listed("zoe@bücher.example"))
    world.deliver()
    assert (world.row(run_id)["word"], world.row(run_id)["reason"], world.sink.mails) == (
        "suppressed",
        "unsubscribed",
        [],
    )


def test_another_spelling_of_the_address_does_not_get_round_the_list(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = world.message(world.contact("zoe@bücher.example"))
    between(world, monkeypatch, moved_to("zoe@xn--bcher-kva.example"), listed("zoe@bücher.example"))
    world.deliver()
    assert (world.row(run_id)["reason"], world.sink.mails) == ("unsubscribed", [])


@pytest.mark.parametrize(
    ("on_the_list", "word", "recipients"),
    [
        ("new@example.com", "suppressed", []),
        ("zoe@example.com", "sent", ["new@example.com"]),
        ("x@y.example", "sent", ["new@example.com"]),
    ],
)
def test_a_contact_with_another_address_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch, on_the_list: str, word: str, recipients: list[str]
) -> None:
    """The list is asked about the address that the mail goes to, and about no other."""
    run_id = world.message(world.contact("zoe@example.com"))
    between(world, monkeypatch, moved_to("new@example.com"), listed(on_the_list))
    world.deliver()
    assert world.row(run_id)["word"] == word
    assert [to for _, to in world.sink.envelopes] == recipients


class Written(Commits):
    """Commits that write nowhere: how many intents came together."""

    def __init__(self, under_way: int) -> None:
        connection: Any = None
        super().__init__(connection, lambda: connection, threading.Event(), lambda: None, lambda: under_way)
        self.together: list[int] = []

    async def _write_all(self, requests: Sequence[Any], done: Sequence[Any], rooms: Any) -> None:
        self.together.append(len(requests))
        self._last_s = 1.0
        for one in requests:
            one.answer.set_result(1.0)


async def _ask(writer: Written, mail: Ready, turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    await writer.begin(mail)


@pytest.mark.parametrize(("under_way", "together"), [(3, [1, 3, 3]), (1, [1, 1, 1, 1, 1, 1, 1])])
async def test_intents_that_come_soon_after_each_other_are_written_together(
    monkeypatch: pytest.MonkeyPatch, under_way: int, together: list[int]
) -> None:
    """The first is written at once; those after it as soon as all that are under way have asked, or when nobody else is."""
    monkeypatch.setattr(commits, "GATHER_S", 60.0)
    monkeypatch.setattr(Commits, "close", lambda self: self._thread.shutdown())
    writer, mail = Written(under_way), SimpleNamespace()
    serving = asyncio.create_task(writer.serve())
    await writer.begin(mail)  # type: ignore[arg-type]
    for _ in range(2):
        await asyncio.gather(*(_ask(writer, mail, turns * 5) for turns in range(3)))  # type: ignore[arg-type]
    assert writer.together == together
    serving.cancel()
    writer.close()
