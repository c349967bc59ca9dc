"""Every door that writes a field of a contact, with the same values: each makes the same of them, or refuses in the same words.

The doors: the API (upsert and patch), the form of a page, a file, the step of a workflow, and an event that makes its contact.
"""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest

from app.accounts.authentication import cookie_name
from app.contacts.imports import runner
from app.lib import database
from app.models.status import Role
from app.models.workspace import Workspace
from app.web import csrf
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import make_browser_session, make_key, make_user
from tests.fixtures.world import World, flow, node

CONTACTS, IMPORT = "/api/v1/contacts", "/api/v1/contacts/import"
JSON_NAMES = {"external_id": "externalId", "attribute": "attributes", "tag": "tags"}


class Case(NamedTuple):
    """What is written into a field, and what is stored or, with `told`, said instead. The workspace's country is Germany.

    `file`: what a file makes of it where that differs: there `n/a` and its like are how people leave a cell empty.
    """

    field: str
    written: str
    stored: Any = None
    told: str = ""
    file: str = "the same"


NOT_A_PHONE = "This is not a phone number"
CASES = [
    Case("phone", " +49 (151) 123-45678 ", "+4915112345678"),
    Case("phone", "0151 23456789", "+4915123456789"),
    Case("phone", "0049 171 2345678", "+491712345678"),
    Case("phone", "4915112345678", "+4915112345678"),
    Case("phone", "0151", told="This is not a phone number of your workspace's country."),
    Case("phone", "4.91511E+12", told="A spreadsheet has shortened this number"),
    Case("phone", "+49 30 901820 ext. 12", told="Write the number without its extension."),
    Case("phone", "n/a", told=NOT_A_PHONE, file="empty"),
    Case("timezone", "Europe/Berlin", "Europe/Berlin"),
    Case("timezone", "america/new_york", "America/New_York"),
    Case("timezone", "Eastern Time", "America/New_York"),
    Case("timezone", "W. Europe Standard Time", "Europe/Berlin"),
    Case("timezone", "Vienna", "Europe/Vienna"),
    Case("timezone", "GMT+2", "Etc/GMT-2"),
    Case("timezone", "Mars", told="There is no time zone of this name."),
    Case("timezone", "CST", told="This can mean America/Chicago, Asia/Shanghai or America/Havana."),
    Case("timezone", "unknown", told="There is no time zone of this name.", file="empty"),
    Case("locale", "de_AT", "de-AT"),
    Case("locale", "German", "de"),
    Case("locale", "português (Brasil)", "pt-BR"),
    Case("locale", "Français", "fr"),
    Case("locale", "xx", told="This is no language."),
    Case("locale", "{'a': 1}", told="This is no language."),
    Case("locale", "None", told="This is no language.", file="empty"),
    Case("source", " Spring Fair ", "Spring Fair"),
    Case("source", "x" * 200, "x" * 200),
    Case("source", "x" * 201, told="A source has at most 200 characters."),
    Case("tag", " vip ", "vip"),
    Case("tag", "größte Kunden", "größte Kunden"),
    Case("tag", "x" * 101, told="A tag has 1 to 100 characters."),
    Case("attribute", "grün", "grün"),
    Case("attribute", "ä" * 17_000, told="at most 32,768", file="refused"),
    Case("email", " Ada.L@Example.ORG ", "ada.l@example.org"),
    Case("email", "jürgen@bücher.example", "jürgen@bücher.example"),
    Case("email", "İzmir@Example.COM", "i\u0307zmir@example.com"),
    Case("email", "STRAẞE@BÜCHER.Example", "straße@bücher.example"),
    Case("email", "\u212aarl@example.com", told="only looks like a plain one"),
    Case("email", "nobody", told="This is not an email address"),
    Case("external_id", " K-17 ", "K-17"),
    Case("external_id", "y" * 201, told="An external id has at most 200 characters."),
]


class Answer(NamedTuple):
    """What a door stored, or what it said."""

    stored: Any
    told: str = ""


class House:
    """One workspace with all its doors. A door takes a case and a name that is nobody's yet."""

    def __init__(self, world: World, client: httpx.AsyncClient, key: str, page: dict[str, str]) -> None:
        self.world, self.client, self.page = world, client, page
        self.headers = {"Authorization": f"Bearer {key}"}

    def read(self, case: Case, *, by: str, value: Any) -> Any:
        column = {"attribute": "attributes->>'color'", "tag": "tags[1]"}.get(case.field, case.field)
        row = self.world.db.execute(f"select {column} from contacts where {by} = %s", (value,)).fetchone()
        return row[0] if row else None

    @staticmethod
    def body(case: Case) -> dict[str, Any]:
        if case.field == "attribute":
            return {"attributes": {"color": case.written}}
        return (
            {"tags": [case.written]} if case.field == "tag" else {JSON_NAMES.get(case.field, case.field): case.written}
        )

    @staticmethod
    def told(answer: httpx.Response) -> str:
        return " ".join(error["message"] for error in answer.json()["errors"])

    async def upsert(self, case: Case, name: str) -> Answer:
        body = self.body(case)
        other = {"email": f"{name}@example.com"} if case.field == "external_id" else {"externalId": name}
        answer = await self.client.post(CONTACTS, json={**other, **body}, headers=self.headers)
        if answer.status_code != 201:
            return Answer(None, self.told(answer))
        return Answer(self.read(case, by="id", value=answer.json()["data"]["id"]))

    async def patch(self, case: Case, name: str) -> Answer:
        made = await self.client.post(
            CONTACTS, json={"externalId": name, "email": f"{name}@example.com"}, headers=self.headers
        )
        one = made.json()["data"]["id"]
        answer = await self.client.patch(f"{CONTACTS}/{one}", json=self.body(case), headers=self.headers)
        return Answer(self.read(case, by="id", value=one)) if answer.is_success else Answer(None, self.told(answer))

    async def form(self, case: Case, name: str) -> Answer:
        fields = {"externalId": name, "email": f"{name}@example.com"}
        if case.field == "attribute":
            fields |= {"attribute_name_0": "color", "attribute_value_0": case.written, "attribute_kind_0": "text"}
        else:
            fields[JSON_NAMES.get(case.field, case.field)] = case.written
        answer = await self.client.post("/contacts/new", data=fields, headers=self.page)
        if answer.status_code == 303:
            return Answer(self.read(case, by="id", value=answer.headers["location"].rpartition("/")[2]))
        return Answer(None, html.unescape(answer.text))

    async def file(self, case: Case, name: str) -> Answer:
        column = {"attribute": "attributes.color", "tag": "tags"}.get(
            case.field, JSON_NAMES.get(case.field, case.field)
        )
        out = io.StringIO()
        identity = "email" if case.field == "external_id" else "externalId"
        value = f"{name}@example.com" if identity == "email" else name
        # The second row shows that a cell that does not fit takes nobody else with it.
        csv.writer(out).writerows([["who", "cell"], [value, case.written], [f"2{value}", ""]])
        sent = await self.client.post(IMPORT, files={"file": ("p.csv", out.getvalue().encode())}, headers=self.headers)
        found = sent.json()["data"]["id"]
        mapping = {"who": identity, "cell": column}
        started = await self.client.post(f"{IMPORT}/{found}/start", json={"mapping": mapping}, headers=self.headers)
        assert started.status_code == 202, started.text
        assert await runner.run_waiting(database.engine(), 60) is False
        errors = await self.client.get(f"{IMPORT}/{found}/errors.csv", headers=self.headers)
        told = errors.text.partition("\r\n")[2]
        return Answer(self.read(case, by="email" if identity == "email" else "external_id", value=value), told)

    async def step(self, case: Case, name: str) -> Answer:
        (one,) = self.world.contacts(1, external_id=name)
        wanted = (
            node("s", "add_tag", tag="{{ event.value }}")
            if case.field == "tag"
            else node(
                "s", "update_contact", set={"color" if case.field == "attribute" else case.field: "{{ event.value }}"}
            )
        )
        flow_id = self.world.workflow(flow(name, [wanted], ("trigger", "s")))
        self.world.emit(name, [one], {"value": case.written})
        told = self.world.one("select error_message from runs where workflow_id = %s", flow_id)
        return Answer(self.read(case, by="id", value=one), told or "")

    async def event(self, case: Case, name: str) -> Answer:
        answer = await self.client.post("/api/v1/events", json={"name": name, **self.body(case)}, headers=self.headers)
        if not answer.is_success:
            return Answer(None, self.told(answer))
        return Answer(self.read(case, by="id", value=UUID(answer.json()["data"]["contactId"])))


Door = Callable[[House, Case, str], Awaitable[Answer]]
DOORS: dict[str, Door] = {
    "upsert": House.upsert,
    "patch": House.patch,
    "form": House.form,
    "file": House.file,
    "step": House.step,
    "event": House.event,
}


def passes(door: str, case: Case) -> bool:
    """A step writes neither address; an event writes nothing else."""
    named = case.field in ("email", "external_id")
    return named if door == "event" else not named if door == "step" else True


@pytest.fixture
async def house(committed_database: CommittedDatabase, committed_client: httpx.AsyncClient) -> Any:
    world = World(committed_database.url)
    world.db.execute("update workspaces set settings = jsonb_build_object('country', 'DE')")
    async with database.transaction() as session:
        home = await session.get_one(Workspace, world.tenant)
        key = await make_key(session, home, Role.MARKETER)
        token, session_id = await make_browser_session(session, home, await make_user(session, home, Role.MARKETER))
    proof = csrf.token_of_session(session_id, home.id)
    cookies = f"{cookie_name()}={token}; {csrf.COOKIE}={proof}"
    yield House(world, committed_client, key, {"cookie": cookies, csrf.HEADER: proof})
    world.close()


async def test_every_door_makes_the_same_of_the_same(house: House) -> None:
    differ: list[str] = []
    for number, case in enumerate(CASES):
        for door, write in DOORS.items():
            if not passes(door, case):
                continue
            name = f"{door}-{number}"
            answer = await write(house, case, name)
            special = case.file if door == "file" else "the same"
            if special == "empty":
                good = answer == Answer(None, "")
            elif special == "refused":
                good = answer.stored is None and bool(answer.told)
            elif case.told:
                good = answer.stored is None and case.told in answer.told.replace('""', '"')
            else:
                good = answer == Answer(case.stored, "")
            if not good:
                differ.append(f"{door}: {case.field} {case.written[:30]!r} → {answer.stored!r}, {answer.told[:300]!r}")
            house.world.db.execute("delete from contacts")
    assert not differ, "\n".join(differ)
