"""Failed sign-ins: the same place waits longer each time, and strangers never lock out a device that was here before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import devices, service, sign_in_links, throttle
from app.errors import TooMany
from app.lib import crypto
from app.models.session import SignInFailure
from app.models.status import Role
from app.models.user import User
from app.models.workspace import Workspace
from tests.accounts.doors import EMAIL, PASSWORD, open_link, sign_in
from tests.fixtures.clock import Clock
from tests.fixtures.people import BrowserClients

From = Callable[[str], httpx.AsyncClient]


@pytest.fixture
async def ada(db_session: AsyncSession, workspace: Workspace) -> User:
    return await service.create_user(
        db_session, EMAIL, name="Ada", password=PASSWORD, tenant_id=workspace.id, role=Role.MARKETER
    )


@pytest.fixture
async def at(app_under_test: Litestar) -> AsyncIterator[From]:
    """`at("203.0.113.7")`: a browser at that address."""
    made: list[httpx.AsyncClient] = []

    def connect(address: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app_under_test, client=(address, 1))
        made.append(httpx.AsyncClient(transport=transport, base_url="http://testserver"))
        return made[-1]

    yield connect
    for client in made:
        await client.aclose()


async def fail(session: AsyncSession, clock: Clock, times: int, *, email: str = EMAIL, address: str = "") -> None:
    """Somebody fails that often, each time as soon as they may; from an address of their own each time when none is given."""
    for number in range(times):
        budgets = throttle.of_sign_in(email, address or f"2001:db8:0:{number:x}::1")
        try:
            await throttle.take(session, budgets)
        except TooMany as error:
            clock.advance(seconds=error.retry_after or 0)
            await throttle.take(session, budgets)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (2, 0), (3, 1), (4, 2), (7, 16), (11, 256), (12, 300), (500, 300)]
)
def test_waits_grow_and_have_an_end(failures: int, seconds: int) -> None:
    assert throttle.delay(failures) == timedelta(seconds=seconds)


async def test_the_same_place_waits_longer_each_time(client: httpx.AsyncClient, ada: User, clock: Clock) -> None:
    waits = []
    for _ in range(6):
        answer = await sign_in(client, password="wrong")
        refused = await sign_in(client, password="wrong") if "Wait" in answer.text else None
        waits.append(int(refused.headers["retry-after"]) if refused is not None else 0)
        clock.advance(seconds=waits[-1])
    assert waits == [0, 0, 1, 2, 4, 8]
    assert "Wait 8 seconds before you try again." in answer.text
    assert (await sign_in(client)).status_code == 303


@pytest.mark.parametrize("attack", ["from everywhere", "from the same address", "from the same address, at everybody"])
async def test_strangers_never_lock_out_a_known_device(
    at: From, ada: User, db_session: AsyncSession, clock: Clock, attack: str
) -> None:
    home, elsewhere = at("203.0.113.7"), at("203.0.113.7")
    assert (await sign_in(home)).status_code == 303
    home.cookies.delete("session")
    if attack == "from everywhere":
        await fail(db_session, clock, throttle.PER_EMAIL)
    elif attack == "from the same address":
        await fail(db_session, clock, 8, address="203.0.113.7")
    else:
        for number in range(throttle.PER_ADDRESS):
            await fail(db_session, clock, 1, email=f"user{number}@example.com", address="203.0.113.7")
    assert (await sign_in(elsewhere)).status_code == 429, "an unknown device is held up"
    assert (await sign_in(home)).status_code == 303


async def test_a_link_leads_in_while_a_device_is_held_up(
    at: From, ada: User, db_session: AsyncSession, clock: Clock
) -> None:
    await fail(db_session, clock, throttle.PER_EMAIL)
    stranger = at("198.51.100.1")
    assert (await sign_in(stranger)).status_code == 429
    token = await sign_in_links.create_sign_in_link(db_session, ada.id)
    assert (await open_link(stranger, token)).status_code == 303
    stranger.cookies.delete("session")
    assert (await sign_in(stranger)).status_code == 303, "the device is known from now on"


@pytest.mark.parametrize("cookie", ["copied for another", "made up", "over"])
async def test_a_device_is_known_for_its_own_people_only(
    at: From, ada: User, db_session: AsyncSession, workspace: Workspace, clock: Clock, cookie: str
) -> None:
    """A stranger with an account of their own gains no budget for somebody else, and nobody makes a device up."""
    await service.create_user(
        db_session, "eve@example.com", password=PASSWORD, tenant_id=workspace.id, role=Role.VIEWER
    )
    eve = at("203.0.113.7")
    assert (await sign_in(eve, "eve@example.com" if cookie != "over" else EMAIL)).status_code == 303
    eve.cookies.delete("session")
    if cookie == "made up":
        known = devices.Device("x", [devices._mark("x", EMAIL)], clock.at.timestamp() + 9e9)
        eve.cookies.set("device", crypto.sign("csrf.visitor", known))
    if cookie == "over":
        clock.advance(days=181)
    await fail(db_session, clock, throttle.PER_EMAIL)
    assert (await sign_in(eve)).status_code == 429


async def test_a_known_device_waits_for_its_own_failures(at: From, ada: User, clock: Clock) -> None:
    """A stolen cookie of a device is no way around the waits."""
    home = at("203.0.113.7")
    await sign_in(home)
    home.cookies.delete("session")
    for _ in range(throttle.FREE):
        assert (await sign_in(home, password="wrong")).status_code == 401
    home_elsewhere = at("198.51.100.9")
    home_elsewhere.cookies.update(home.cookies)
    assert (await sign_in(home_elsewhere, password="wrong")).status_code == 429


async def test_one_device_knows_several_people(
    at: From, ada: User, db_session: AsyncSession, workspace: Workspace
) -> None:
    shared, emails = at("203.0.113.7"), [f"user{number}@example.com" for number in range(devices.PEOPLE)]
    for email in emails:
        await service.create_user(db_session, email, password=PASSWORD, tenant_id=workspace.id, role=Role.VIEWER)
    for email in [EMAIL, *emails]:
        assert (await sign_in(shared, email)).status_code == 303
        shared.cookies.delete("session")
    cookie = crypto.unsign("device", shared.cookies["device"])
    assert isinstance(cookie, list) and len(cookie[1]) == devices.PEOPLE
    assert devices._mark(cookie[0], emails[0]) in cookie[1] and devices._mark(cookie[0], EMAIL) not in cookie[1]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
    ],
)
async def test_a_place_is_a_household(
    db_session: AsyncSession, clock: Clock, one: str, other: str, *, same: bool
) -> None:
    for _ in range(throttle.FREE):
        await throttle.take(db_session, throttle.of_sign_in(EMAIL, one))
    if same:
        with pytest.raises(TooMany):
            await throttle.take(db_session, throttle.of_sign_in(EMAIL, other))
    else:
        await throttle.take(db_session, throttle.of_sign_in(EMAIL, other))


async def test_a_right_password_forgets_what_this_place_did_and_no_more(
    at: From, ada: User, db_session: AsyncSession, clock: Clock
) -> None:
    await fail(db_session, clock, 2)
    here = at("203.0.113.7")
    await sign_in(here, password="wrong")
    assert (await sign_in(here)).status_code == 303
    left = [key.partition(":")[0] for key in await db_session.scalars(select(SignInFailure.key))]
    assert sorted(left) == ["address"] * 3 + ["email"] * 3 + ["pair"] * 2
    assert not any("ada" in key for key in await db_session.scalars(select(SignInFailure.key)))


async def test_tries_count_again_after_a_quarter_of_an_hour(
    at: From, ada: User, db_session: AsyncSession, clock: Clock
) -> None:
    await fail(db_session, clock, throttle.PER_EMAIL)
    clock.advance(minutes=16)
    assert (await sign_in(at("203.0.113.7"))).status_code == 303


@pytest.mark.parametrize("proof", ["wrong", "right"])
async def test_ones_own_password_is_no_free_guess(browser: BrowserClients, ada: User, clock: Clock, proof: str) -> None:
    """A session that was left open is not a place to try passwords."""
    person = await browser(Role.MARKETER, user=ada)
    guess = {"current": "wrong", "new": "another few words"}
    for _ in range(throttle.FREE):
        answer = await person.post("/settings/password", data=guess)
        assert (answer.status_code, "not your current password" in answer.text) == (422, True)
    current = PASSWORD if proof == "right" else "wrong"
    refused = await person.post("/settings/password", data={**guess, "current": current})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert "Wait 1 second and try again" in refused.text
    clock.advance(seconds=1)
    answer = await person.post("/settings/password", data={**guess, "current": current})
    assert answer.status_code == (303 if proof == "right" else 422)


async def test_ones_own_password_has_a_hard_stop(browser: BrowserClients, ada: User, clock: Clock) -> None:
    person, statuses = await browser(Role.MARKETER, user=ada), []
    for number in range(throttle.PER_USER + 1):
        answer = await person.post("/settings/password", data={"current": "wrong", "new": "another few words"})
        statuses.append(answer.status_code)
        clock.advance(seconds=throttle.delay(number + 1).total_seconds())
    assert statuses == [422] * throttle.PER_USER + [429]
