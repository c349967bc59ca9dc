"""Nothing that a user writes leads inside, at none of the places that call a server: tried with each place and each address.

A place is known by its module: one that opens connections and is in neither table of `places` fails here, so that it gets a row.
"""

from __future__ import annotations

import ast
import dataclasses
import re
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app import settings as settings_module
from app.lib import egress
from app.messaging.channels import registry
from tests.fixtures.hostile_urls import INSIDE, MORE_INSIDE, PUBLIC, REBINDING, look_up_of
from tests.fixtures.http_server import Recorder, Reply, bomb, dripping, endless, json_reply, recording
from tests.outside.places import ELSEWHERE, OPERATORS, PLACES, Place, address_fields

ROOT = Path(__file__).resolve().parents[2]
OPENING = re.compile(
    r"HttpClient|(httpx|requests|aiohttp|urllib3|httpcore|nats|smtplib|aiosmtplib|asyncpg|psycopg|psycopg2)(\..*)?\.(connect|request|get|post"
    r"|put|Async\w*|Client|Session\w*|PoolManager|SMTP\w*)|urlopen|(open|create)_connection|(\w+\.)*from_url|socket\.socket|egress\.connect"
    r"|AsyncConnection\.connect|create_(async_)?engine|webpush|WebPusher|\w*HTTPS?Connection|(\w+\.)*(Async)?ConnectionPool|sock_connect"
)
"""What opens a connection, as it is called."""
KINDS = list(registry.connector_types().values())
AT_HTTP = [place for place in PLACES if not place.only and not place.bound]
NO_SENTENCE = re.compile(r"Traceback|object at|Error\(|Exception|10\.0\.0\.[569]|100\.64\.0\.7|fd00::7|Errno")
"""Words of a program, and what names stand for inside."""


def ids(places: list[Place]) -> list[str]:
    return [place.name for place in places]


def opening_modules() -> set[str]:
    """The modules of app/ in which something is called that opens a connection."""
    found = set[str]()
    for path in sorted((ROOT / "app").rglob("*.py")):
        calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        if any(OPENING.fullmatch(ast.unparse(call.func)) for call in calls):
            found.add(str(path.relative_to(ROOT)))
    return found


def test_every_place_that_opens_a_connection_has_a_row() -> None:
    opening, known = opening_modules(), {module for place in PLACES for module in place.modules}
    without = {module for module in opening - known if not module.startswith(tuple(OPERATORS))}
    assert not without, "add a place to tests/outside/places.py, and see that it is contained"
    assert known - opening == set(), "these open nothing any more"
    assert [entry for entry in OPERATORS if not any(module.startswith(entry) for module in opening)] == []


@pytest.mark.parametrize("kind", KINDS, ids=[kind.type for kind in KINDS])
def test_every_connector_type_says_where_it_leads(kind: Any) -> None:
    own_row = ELSEWHERE.get(kind.type) in ids(PLACES)
    assert address_fields(kind) or own_row, "a connector whose address is no setting is tried by a row of its own"


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


class Internet:
    """A network whose name server helps who looks for a way in. `tried`: the addresses that were connected to; none answers but the
    recorder's, and that is inside. `asked`: names."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.asked: list[str] = []


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Internet:
    network, connect = Internet(), socket.socket.connect

    def noted(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            network.tried.append(address[0])
            if address[0] not in ("127.0.0.1", "::1"):
                raise ConnectionRefusedError("nobody is there")
        connect(self, address)

    async def by_library(*_: Any, hostaddr: str, **__: Any) -> Any:
        network.tried.append(hostaddr)
        raise psycopg.OperationalError("nobody is there")

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", by_library)
    monkeypatch.setattr(socket, "getaddrinfo", look_up_of(network.asked))
    monkeypatch.setattr(socket.socket, "connect", noted)
    with_settings(monkeypatch, local=False)
    return network


def with_settings(monkeypatch: pytest.MonkeyPatch, *, local: bool, hosts: frozenset[str] = frozenset()) -> None:
    allowed = settings_module.EgressSettings(hosts=hosts)
    found = dataclasses.replace(settings_module.read_settings(), local=local, egress=allowed)
    monkeypatch.setattr(egress, "settings", lambda: found)


def in_words(text: str) -> bool:
    return bool(re.search(r"[.”\w]\Z", text)) and " " in text and not NO_SENTENCE.search(text)


@pytest.mark.parametrize("place", PLACES, ids=ids(PLACES))
async def test_nothing_inside_is_reached(place: Place, server: Recorder, internet: Internet) -> None:
    wrong = dict[str, str]()
    for pattern in place.only or INSIDE + MORE_INSIDE:
        words = await place.fetch(pattern.format(server.port), 5)
        if internet.tried or server.asked or not in_words(words):
            wrong[pattern] = f"{words} {internet.tried} {server.asked}"
        internet.tried.clear()
        server.asked.clear()
    assert not wrong


@pytest.mark.parametrize("place", PLACES, ids=ids(PLACES))
async def test_a_name_is_judged_and_connected_to_by_one_answer(place: Place, internet: Internet) -> None:
    words = await place.fetch(REBINDING if place.only else f"https://{REBINDING}/", 5)
    assert in_words(words)
    assert set(internet.tried) <= {PUBLIC}, "never where the second answer leads"
    if not place.bound:
        assert internet.tried == [PUBLIC] and internet.asked == [REBINDING]


@pytest.mark.parametrize("place", AT_HTTP, ids=ids(AT_HTTP))
async def test_no_redirect_leads_inside(
    place: Place, server: Recorder, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first server is allowed by its name; where it sends us is judged like any other."""
    with_settings(monkeypatch, local=False, hosts=frozenset({"ok.test"}))
    with recording() as inside:
        for pattern in INSIDE[:24]:
            server.answer = lambda asked, to=pattern: Reply(302, b"", {"Location": to.format(inside.port)})  # type: ignore[misc]
            assert in_words(await place.fetch(f"http://ok.test:{server.port}", 5)), pattern
        assert not inside.asked and set(internet.tried) == {"127.0.0.1"}
        assert {asked.headers["host"] for asked in server.asked} == {f"ok.test:{server.port}"}
        assert len(server.asked) == 24


@pytest.mark.parametrize("place", AT_HTTP, ids=ids(AT_HTTP))
async def test_a_slow_drip_ends_with_the_time(place: Place, server: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    with_settings(monkeypatch, local=True)
    server.answer = lambda asked: Reply(stream=dripping)
    assert in_words(await place.fetch(server.url, 0.4))
    assert len(server.asked) == 1


@pytest.mark.parametrize("place", AT_HTTP, ids=ids(AT_HTTP))
async def test_what_unpacks_to_gigabytes_or_never_ends_is_cut(
    place: Place, server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_settings(monkeypatch, local=True)
    await place.fetch(server.url, 5)
    reply = bomb()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for answer in (reply, Reply(stream=endless)):
        server.answer = lambda asked, answer=answer: answer  # type: ignore[misc]
        assert await place.fetch(server.url, 10)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000, "kilobytes of 200 MB"


@pytest.mark.parametrize("place", AT_HTTP, ids=ids(AT_HTTP))
async def test_each_place_works_for_who_may_be_called(
    place: Place, server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what is refused above is refused for where it leads."""
    with_settings(monkeypatch, local=True)
    server.answer = lambda asked: json_reply({"ok": True, "access_token": "t", "token_type": "bearer"})
    await place.fetch(server.url, 5)
    assert server.asked
