"""While a connector does not work its messages leave by its stand-in: each once, within that one's limits, from a domain of its own."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from app.connectors.schemas import ConnectorChange, NewConnector
from app.errors import Invalid
from app.messaging import claims
from app.messaging.deliver import connect
from app.messaging.queue import LaneTurns
from tests.fixtures.sink import Sink
from tests.messaging.ended import exact
from tests.messaging.providers.postmark import Postmark
from tests.messaging.providers.provider import running
from tests.messaging.test_kills_of_providers import IDS, PLACES, killed_at
from tests.messaging.world import World


@pytest.fixture
def second() -> Iterator[Sink]:
    sink = Sink()
    sink.start()
    yield sink
    sink.stop()


def closed_port() -> int:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        return int(nobody.getsockname()[1])


def name_stand_in(world: World, first: UUID, other: UUID | None) -> None:
    world.db.execute("update connectors set stand_in_id = %s where id = %s", (other, first))


def set_state(world: World, connector_id: UUID, state: str, words: str = "535 No.") -> None:
    world.db.execute(
        "update connectors set state = %s, state_message = %s, state_since = clock_now(),"
        " probe_at = case when %s = 'away' then clock_now() + interval '1 hour' end where id = %s",
        (state, words if state != "ok" else None, state, connector_id),
    )


def sent_by(world: World) -> dict[UUID, int]:
    """How many messages left by each connector, as the ledger has it."""
    return dict(world.db.execute("select connector_id, count(*) from messages where status = 2 group by 1").fetchall())


def test_a_refused_account_hands_over_to_the_stand_in_and_each_mail_leaves_once(
    world: World, locked: Sink, second: Sink
) -> None:
    wrong = world.connector(world.tenant, locked.port, default=False, password="wrong")
    other = world.connector(world.tenant, second.port, default=False)
    name_stand_in(world, wrong, other)
    runs = [world.message(payload={"connectorId": str(wrong)}) for _ in range(30)]
    world.deliver()
    assert world.connector_state(wrong)[0] == "paused" and world.words() == {"sent": 30} and world.held() == 0
    assert sent_by(world) == {other: 30} and set(second.ids.values()) == {1} and not locked.mails
    assert world.row(runs[0])["payload"] == {"connectorId": str(wrong)}, "the step's wish stays"
    locked.wanted_password = "wrong"
    world.connectors("resume", wrong)
    world.message(payload={"connectorId": str(wrong)})
    world.deliver()
    assert sent_by(world) == {other: 30, wrong: 1}, "it works again, so its own messages are its own"


def test_the_default_that_is_away_is_tried_again_and_takes_its_messages_back(world: World, second: Sink) -> None:
    other = world.connector(world.tenant, second.port, default=False)
    name_stand_in(world, world.connector_id, other)
    config = Jsonb({"port": closed_port()})
    world.db.execute("update connectors set config = config || %s where id = %s", (config, world.connector_id))
    world.backlog(20)
    world.deliver()
    assert world.connector_state(world.connector_id)[0] == "away" and world.words() == {"sent": 20}
    assert sent_by(world) == {other: 20}
    config = Jsonb({"port": world.sink.port})
    world.db.execute("update connectors set config = config || %s where id = %s", (config, world.connector_id))
    world.probe_now()
    world.backlog(10)
    world.deliver()
    assert world.connector_state(world.connector_id) == ("ok", None) and world.words() == {"sent": 30}
    by = sent_by(world)
    assert by[world.connector_id] == len(world.sink.mails) >= 1 and by[other] == len(second.mails)
    assert set((Counter(world.sink.ids) + Counter(second.ids)).values()) == {1}
    world.backlog(5)
    world.deliver()
    assert sent_by(world)[world.connector_id] == by[world.connector_id] + 5


def test_a_message_in_doubt_is_never_sent_by_the_stand_in(world: World, second: Sink) -> None:
    other = world.connector(world.tenant, second.port, default=False)
    name_stand_in(world, world.connector_id, other)
    world.sink.script["DOT"] = ["cut"]
    doubtful = world.message()
    world.deliver()
    assert world.row(doubtful)["word"] == "uncertain"
    set_state(world, world.connector_id, "paused")
    fine = world.message()
    world.deliver()
    world.make_due()
    world.deliver()
    assert (world.row(doubtful)["word"], world.row(doubtful)["connector_id"]) == ("uncertain", world.connector_id)
    assert world.row(fine)["connector_id"] == other and len(second.mails) == 1


def test_a_mail_of_a_domain_that_the_stand_in_does_not_have_waits_and_says_why(world: World, second: Sink) -> None:
    other = world.connector(world.tenant, second.port, default=False)
    name_stand_in(world, world.connector_id, other)
    set_state(world, world.connector_id, "paused")
    foreign = [world.message(payload={"fromEmail": "ceo@brand.example"}) for _ in range(3)]
    own = [world.message(payload={"fromEmail": "Team@EXAMPLE.com"}), world.message()]
    world.deliver()
    for row in map(world.row, foreign):
        assert (row["word"], row["reason"], row["connector_id"]) == ("queued", "no_stand_in", world.connector_id)
        assert "sends from @example.com" in row["error_message"] and "ceo@brand.example" in row["error_message"]
        assert row["error_message"].startswith("535 No.")
    assert [world.row(one)["connector_id"] for one in own] == [other, other]
    world.deliver()
    assert world.held() == 3, "nobody looks at them over and over"
    world.connectors("resume", world.connector_id)
    world.deliver()
    assert world.words() == {"sent": 5} and sent_by(world) == {other: 2, world.connector_id: 3}


def test_three_in_a_chain_and_what_waited_for_all_leaves_when_the_last_works(world: World, second: Sink) -> None:
    middle = world.connector(world.tenant, world.sink.port, default=False, password="x")
    last = world.connector(world.tenant, second.port, default=False)
    name_stand_in(world, world.connector_id, middle)
    name_stand_in(world, middle, last)
    for one in (world.connector_id, middle, last):
        set_state(world, one, "paused")
    world.backlog(12)
    world.deliver()
    assert world.held() == 12
    assert {row[0] for row in world.db.execute("select connector_id from messages").fetchall()} == {world.connector_id}
    world.connectors("resume", last)
    assert world.held() == 0
    world.deliver()
    assert sent_by(world) == {last: 12}


@pytest.mark.parametrize("before", ["paused", "away"])
def test_a_stand_in_that_is_away_is_tried_by_the_messages_it_would_carry(
    world: World, second: Sink, before: str
) -> None:
    other = world.connector(world.tenant, second.port, default=False)
    name_stand_in(world, world.connector_id, other)
    set_state(world, world.connector_id, before)
    set_state(world, other, "away")
    world.backlog(8)
    world.deliver()
    assert world.held() == 8 and not second.mails
    world.db.execute("update connectors set probe_at = clock_now() where id = %s", (other,))
    world.deliver()
    assert world.connector_state(other) == ("ok", None) and sent_by(world) == {other: 8}


def test_the_limits_of_the_stand_in_hold_with_its_own_messages(world: World, second: Sink) -> None:
    other = world.connector(world.tenant, second.port, default=False)
    name_stand_in(world, world.connector_id, other)
    set_state(world, world.connector_id, "away")
    world.db.execute("update connectors set max_concurrent = 3 where id = %s", (other,))
    world.backlog(5)
    with connect() as one, connect() as two:
        with one.transaction():
            first = len(claims.claim(one, {}, LaneTurns()).claimed)
        world.backlog(5, {"connectorId": str(other)})
        with two.transaction():
            more = len(claims.claim(two, {}, LaneTurns()).claimed)
    assert (first, more) == (3, 0)


def test_a_neighbour_with_the_same_trouble_and_no_stand_in_waits_alone(world: World, second: Sink) -> None:
    other = world.connector(world.tenant, second.port, default=False)
    name_stand_in(world, world.connector_id, other)
    neighbour = world.workspace("two")
    of_neighbour = world.connector(neighbour, world.sink.port)
    template, workflow = world.template(neighbour), world.workflow(neighbour)
    for one in (world.connector_id, of_neighbour):
        set_state(world, one, "paused")
    theirs = world.message(tenant=neighbour, template_id=template, workflow_id=workflow)
    world.backlog(4)
    world.deliver()
    assert sent_by(world) == {other: 4} and world.row(theirs)["reason"] == "connector_paused"
    assert world.value("select count(*) from mail_counts where tenant_id = %s", neighbour) == 0


def test_a_worker_that_dies_while_a_stand_in_sends_leaves_no_second_copy(world: World, second: Sink) -> None:
    other = world.connector(world.tenant, second.port, default=False)
    name_stand_in(world, world.connector_id, other)
    set_state(world, world.connector_id, "away")
    world.backlog(6)
    with connect() as lost, lost.transaction():
        assert len(claims.claim(lost, {}, LaneTurns()).claimed) == 6
    begun = world.value("select run_id from messages limit 1")
    world.db.execute(
        "update messages set status = 1, due_at = null, connector_id = %s where run_id = %s", (other, begun)
    )
    world.end_leases()
    set_state(world, world.connector_id, "ok")
    set_state(world, other, "paused")
    world.deliver()
    assert world.words() == {"uncertain": 1, "sent": 5} and world.row(begun)["connector_id"] == other
    assert len(world.sink.mails) == 5 and not second.mails and sent_by(world) == {world.connector_id: 5}


@pytest.mark.parametrize(("module", "function", "word"), PLACES, ids=IDS)
def test_kill_9_while_a_stand_in_sends(world: World, module: str, function: str, word: str) -> None:
    """What was handed over by the stand-in is in doubt there, and the first, which works again, never sends it."""
    with running(Postmark) as provider:
        new = NewConnector(name="API", type=provider.type, config=provider.config())
        world.connectors("create", new)
        other = world.value("select id from connectors where name = 'API'")
        name_stand_in(world, world.connector_id, other)
        set_state(world, world.connector_id, "paused")
        run_id = world.message()
        killed_at(module, function)
        assert len(provider.taken) == (word == "uncertain")
        set_state(world, world.connector_id, "ok")
        set_state(world, other, "paused")
        world.end_leases()
        world.deliver()
        world.make_due()
        world.deliver()
        assert len(provider.taken) + len(world.sink.mails) == 1, "calls made are messages recorded"
    row = world.row(run_id)
    assert (row["word"], row["connector_id"]) == (word, other if word == "uncertain" else world.connector_id)
    exact(world)


def test_kill_9_of_a_worker_of_the_first_leaves_nothing_for_the_stand_in(world: World) -> None:
    with running(Postmark) as provider:
        world.connectors("create", NewConnector(name="API", type=provider.type, config=provider.config()))
        name_stand_in(world, world.connector_id, world.value("select id from connectors where name = 'API'"))
        run_id = world.message()
        killed_at("ledger", "settle")
        assert len(world.sink.mails) == 1
        set_state(world, world.connector_id, "paused")
        world.deliver()
        world.end_leases()
        world.deliver()
        world.make_due()
        world.deliver()
        assert provider.taken == [] and len(world.sink.mails) == 1
    assert (world.row(run_id)["word"], world.row(run_id)["connector_id"]) == ("uncertain", world.connector_id)
    exact(world)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(Invalid) as caught:
        call()
    (error,) = caught.value.errors
    assert error["path"] == "standInId"
    return str(error["message"])


def test_circles_long_chains_other_channels_and_foreign_domains_are_refused_with_words(world: World) -> None:
    config = {"host": "mail.example.com", "security": "tls", "port": 465, "fromEmail": "shop@example.com"}

    def added(name: str, **more: object) -> UUID:
        new = NewConnector(name=name, config={**config, "username": name, **more})
        world.connectors("create", new)
        return UUID(str(world.value("select id from connectors where name = %s", name)))

    a, b, c, d = (added(name) for name in "abcd")

    def naming(first: UUID, other: UUID) -> Callable[[], object]:
        return lambda: world.connectors("update", first, ConnectorChange(stand_in_id=other))

    naming(b, c)()
    naming(a, b)()
    assert "circle" in refused(naming(c, a)) and "itself" in refused(naming(a, a))
    assert "at most 3" in refused(naming(c, d)) and "at most 3" in refused(naming(d, a))
    foreign = added("e", fromEmail="shop@brand.example")
    assert "@brand.example" in refused(naming(d, foreign))
    twin = added("f", username="d")
    assert "same server" in refused(naming(d, twin))
    neighbour = world.connector(world.workspace("two"), 2525)
    assert "same channel" in refused(naming(d, neighbour))
    world.db.execute("update connectors set channel = 2 where id = %s", (twin,))
    assert "same channel" in refused(naming(d, twin))
    world.db.execute("update connectors set config = config || %s where id = %s", (Jsonb({"x": 1}), a))
    world.connectors("update", a, ConnectorChange(stand_in_id=None))
    naming(d, b)()
