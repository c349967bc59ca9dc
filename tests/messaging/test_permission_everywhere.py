"""May we mail them? Sending, the API, the lists and the pages give one answer, whatever happened to the contact before."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.accounts.authentication import cookie_name
from app.lib import database
from app.lib.ids import uuid7
from app.messaging.channels.unsubscribe_link import Unsubscribe, unsubscribe_url
from app.models.status import Role
from app.subscriptions.permission import LABELS
from app.web import csrf
from tests.fixtures.people import make_browser_session, make_key, make_user
from tests.messaging.world import World

CONTACTS, LIST = "/api/v1/contacts", "/api/v1/suppressions"
ZOE = "zoe@example.com"


class Person:
    """One contact and everything that can happen to it, each by the door that it happens by."""

    def __init__(self, world: World, client: httpx.AsyncClient, key: str, cookies: dict[str, str]) -> None:
        self.world, self.client, self.cookies = world, client, cookies
        self.headers = {"Authorization": f"Bearer {key}"}
        self.id = ""

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.client.request(method, path, json=body, headers=self.headers)
        assert answer.status_code < 300, answer.text
        return answer.json()["data"]

    async def page(self, path: str, form: dict[str, str] | None = None) -> str:
        """The words of a page, or of the answer to a form."""
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            csrf.HEADER: self.cookies[csrf.COOKIE],
        }
        answer = await self.client.request("POST" if form else "GET", path, data=form, headers=headers)
        assert answer.status_code < 400, answer.text
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))

    async def known(self, email: str | None = ZOE, **more: Any) -> None:
        self.id = (await self.api("POST", CONTACTS, {"email": email, **more} if email else more))["id"]

    async def patched(self, **change: Any) -> None:
        await self.api("PATCH", f"{CONTACTS}/{self.id}", change)

    def link(self, topic: str | None = None) -> str:
        url = unsubscribe_url(Unsubscribe(self.world.tenant, UUID(self.id), uuid7(), 2, topic))
        return url[url.index("/u/") :]

    async def clicked(self, topic: str | None = None, **form: str) -> str:
        return (await self.client.post(self.link(topic), data=form)).text

    async def mailed(self, topic: str | None = None) -> dict[str, Any]:
        """What becomes of a mail that a step asks for now."""
        run_id = self.world.message(UUID(self.id), payload={"topic": topic} if topic else {})
        await asyncio.to_thread(self.world.deliver)
        return self.world.row(run_id)

    async def bounced(self) -> None:
        self.world.sink.script["RCPT"] = ["550 5.1.1 No such user"]
        assert (await self.mailed())["word"] == "failed"
        self.world.sink.script.clear()

    async def brought_back(self) -> None:
        await self.api("POST", f"{CONTACTS}/{self.id}/resubscribe", {"reason": "Asked for it on the phone"})

    async def erased(self) -> None:
        await self.api("DELETE", f"{CONTACTS}/{self.id}")


@pytest.fixture
async def person(world: World, committed_client: httpx.AsyncClient) -> Person:
    home: Any = SimpleNamespace(id=world.tenant)
    async with database.transaction() as session:
        key = await make_key(session, home, Role.ADMIN)
        token, session_id = await make_browser_session(session, home, await make_user(session, home, Role.ADMIN))
    return Person(
        world, committed_client, key, {cookie_name(): token, csrf.COOKIE: csrf.token_of_session(session_id, home.id)}
    )


async def fresh(p: Person) -> None:
    await p.known()


async def unsubscribed(p: Person) -> None:
    await p.known()
    await p.clicked()


async def then_consent_by_api(p: Person) -> None:
    await unsubscribed(p)
    await p.patched(consent={"email": True})


async def then_consent_by_upsert(p: Person) -> None:
    await unsubscribed(p)
    await p.known(ZOE.upper(), consent={"email": True})


async def then_consent_by_form(p: Person) -> None:
    await unsubscribed(p)
    was = '{"texts":{"email":"zoe@example.com"},"consent":{"email":false}}'
    form = {"email": ZOE, "topic_0": "email", "topic_fixed_0": "1", "consent_0": "yes", "was": was}
    await p.page(f"/contacts/{p.id}/edit", form)
    assert (await p.api("GET", f"{CONTACTS}/{p.id}"))["consent"] == {"email": True}


async def came_back_by_the_link(p: Person) -> None:
    await then_consent_by_api(p)
    assert "You get emails again" in await p.clicked(again="1", address=ZOE)


async def brought_back_by_an_admin(p: Person) -> None:
    await unsubscribed(p)
    await p.brought_back()


async def brought_back_on_the_page(p: Person) -> None:
    await unsubscribed(p)
    await p.page(f"/contacts/{p.id}/resubscribe", {"reason": "Asked for it at the fair"})


async def brought_back_and_gone_again(p: Person) -> None:
    await brought_back_by_an_admin(p)
    await p.clicked()


async def bounced(p: Person) -> None:
    await p.known()
    await p.bounced()


async def bounced_and_clicked_again(p: Person) -> None:
    await bounced(p)
    assert "You get emails again" not in await p.clicked(again="1", address=ZOE)


async def bounced_twice(p: Person) -> None:
    await bounced(p)
    await p.brought_back()
    await p.bounced()


async def bounced_in_another_spelling(p: Person) -> None:
    await p.known("jörg@bücher.example")
    await p.bounced()
    await p.erased()
    await p.known("JO\u0308RG@XN--BCHER-KVA.EXAMPLE")


async def erased_and_made_again(p: Person) -> None:
    await unsubscribed(p)
    await p.erased()
    await p.known("Zoe@Example.com")


async def withdrawn_by_api(p: Person) -> None:
    await p.known(consent={"email": False})


async def without_an_address(p: Person) -> None:
    await p.known(None, externalId="z1", consent={"email": True})


async def complained(p: Person) -> None:
    await p.known(consent={"email": False})
    entries = [{"address": "ZOE@example.com", "reason": reason} for reason in ("bounced", "complained")]
    await p.api("POST", LIST, entries)


async def moved_away_from_a_no(p: Person) -> None:
    await unsubscribed(p)
    await p.patched(email="zoe@new.example")


async def moved_away_from_a_bounce(p: Person) -> None:
    await bounced(p)
    await p.patched(email="zoe@new.example")


async def moved_back_to_a_bounce(p: Person) -> None:
    await moved_away_from_a_bounce(p)
    await p.patched(email="zoe@EXAMPLE.com")


async def listed_by_hand(p: Person) -> None:
    await p.known()
    await p.page("/suppressions", {"addresses": f"other@example.com\n{ZOE}", "reason": "manual", "detail": "A rival"})


async def taken_off_the_list(p: Person) -> None:
    await listed_by_hand(p)
    await p.page("/suppressions/lift", {"address": ZOE, "reason": "No rival"})


async def taken_off_the_list_but_said_no(p: Person) -> None:
    await unsubscribed(p)
    await p.api("POST", f"{LIST}/lift", {"address": ZOE, "reason": "A slip"})


async def one_topic_only(p: Person) -> None:
    await p.known()
    await p.clicked("news")


SCENARIOS: list[tuple[Callable[[Person], Awaitable[None]], str]] = [
    (fresh, "reachable"),
    (unsubscribed, "unsubscribed"),
    (then_consent_by_api, "unsubscribed"),
    (then_consent_by_upsert, "unsubscribed"),
    (then_consent_by_form, "unsubscribed"),
    (came_back_by_the_link, "reachable"),
    (brought_back_by_an_admin, "reachable"),
    (brought_back_on_the_page, "reachable"),
    (brought_back_and_gone_again, "unsubscribed"),
    (bounced, "bounced"),
    (bounced_and_clicked_again, "bounced"),
    (bounced_twice, "bounced"),
    (bounced_in_another_spelling, "bounced"),
    (erased_and_made_again, "unsubscribed"),
    (withdrawn_by_api, "no_consent"),
    (without_an_address, "no_address"),
    (complained, "complained"),
    (moved_away_from_a_no, "no_consent"),
    (moved_away_from_a_bounce, "reachable"),
    (moved_back_to_a_bounce, "bounced"),
    (listed_by_hand, "manual"),
    (taken_off_the_list, "reachable"),
    (taken_off_the_list_but_said_no, "no_consent"),
    (one_topic_only, "reachable"),
]


@pytest.mark.parametrize(("happened", "word"), [pytest.param(*row, id=row[0].__name__) for row in SCENARIOS])
async def test_one_answer(person: Person, happened: Callable[[Person], Awaitable[None]], word: str) -> None:
    await happened(person)
    path, answers = f"{CONTACTS}/{person.id}", {}
    one = (await person.api("GET", path))["permissions"]["email"]
    answers["api"] = one["reason"] or "reachable"
    for other in LABELS:
        rows = await person.api("GET", f"{CONTACTS}?permission={other}")
        if rows:
            assert [row["permissions"]["email"] for row in rows] == [one]
            answers["list"] = other
            assert LABELS[other] in (await person.page(f"/contacts?permission={other}")).partition("Created")[2]
            answers["list page"] = other
    shown = await person.page(f"/contacts/{person.id}")
    assert one["sentence"] in shown
    answers["page"] = next(
        name for name, label in LABELS.items() if f" {label} " in shown.partition("Contact since")[0]
    )
    row = await person.mailed()
    assert row["word"] == ("sent" if one["allowed"] else "suppressed")
    assert one["allowed"] or row["error_message"] == one["sentence"]
    answers["sending"] = "reachable" if row["word"] == "sent" else row["reason"]
    if word != "no_address":
        choice = (await person.client.get(person.link())).text
        assert ("Stop all emails" in choice and "for good" not in choice) is (word == "reachable")
    assert set(answers.values()) == {word}, answers


async def test_a_topic_is_judged_for_its_own_mails_only(person: Person) -> None:
    await one_topic_only(person)
    news, offers = await person.mailed("news"), await person.mailed("offers")
    assert (news["word"], offers["word"]) == ("suppressed", "sent")
    assert news["error_message"] == "The contact withdrew consent for the topic news."


async def test_a_page_of_contacts_asks_the_list_once(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.subscriptions import suppression_repository

    for number in range(5):
        await person.known(f"n{number}@example.com")
    asked, real = [], suppression_repository.listed

    async def counting(*arguments: Any, **more: Any) -> Any:
        asked.append(arguments)
        return await real(*arguments, **more)

    monkeypatch.setattr(suppression_repository, "listed", counting)
    assert len(await person.api("GET", CONTACTS)) == 5 and len(asked) == 1
    await person.page("/contacts")
    assert len(asked) == 2
