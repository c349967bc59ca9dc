"""The ways by which contacts come to a workflow, each as its user takes it: a request, a file, a form, a scheduler, a source of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from app.accounts.authentication import cookie_name
from app.contacts.imports import runner
from app.dates import jobs as dates
from app.engine.date_builder import DateBuilder
from app.enrolments import jobs as enrolments
from app.lib import database
from app.models import Workspace
from app.models.status import Role
from app.polls import jobs as polls
from app.schedules import jobs as schedules
from app.web import csrf
from tests.contacts.imports.importing import IMPORT, upload
from tests.engine.calling_runs import parent_flow
from tests.fixtures.clock import Clock
from tests.fixtures.http_server import Asked, Reply, json_reply, recording
from tests.fixtures.people import make_browser_session, make_user
from tests.fixtures.world import World

V1 = "/api/v1"
Refused = Mapping[str, Counter[str]]
"""By what a workflow is called in the test: why it was said at the door that somebody is not let in, and how often."""


class Town:
    """A workspace with people, a program with a key of an administrator, and workflows by what a test calls them."""

    def __init__(self, world: World, client: httpx.AsyncClient, clock: Clock, people: int) -> None:
        self.world, self.client, self.clock = world, client, clock
        self.flows: dict[str, UUID] = {}
        self.people = world.contacts(people, attributes={"household": "h", "visit": 1})
        self.emails = [world.one("select email from contacts where id = %s", one) for one in self.people]
        self.stack = AsyncExitStack()

    def move(self, at: datetime) -> None:
        """Set the clock of the program and that of the database."""
        self.clock.set(at)
        self.clock.store_committed(self.world.db)

    async def ask(self, method: str, path: str, status: int | Collection[int], **request: Any) -> httpx.Response:
        """A request of the program. Fails on an answer that is none of these."""
        answer = await self.client.request(method, path, **request)
        assert answer.status_code in ([status] if isinstance(status, int) else status), (path, answer.text)
        return answer


class Door:
    """One way in. `type` and `data` are of the trigger that it leads to."""

    type: ClassVar[str]
    minutes: ClassVar[int] = 0
    """How far the clock goes each time that people come."""
    closed: ClassVar[tuple[str, str]] = ("", "")
    """What is said of somebody who comes while the workflow is paused, and while the trigger is off; nothing: he is not asked for."""

    def __init__(self, town: Town) -> None:
        self.town = town

    def data(self) -> dict[str, Any]:
        """What the trigger says."""
        return {}

    async def open(self) -> None:
        """Before workflows are there."""

    async def live(self) -> None:
        """Once they are live."""

    async def come(self) -> Refused:
        """Everybody comes to each workflow once. The engine has not looked yet."""
        raise NotImplementedError


class Events(Door):
    """One request for each event."""

    type = "event"
    closed = ("workflow_paused", "")

    def data(self) -> dict[str, Any]:
        return {"event": "order.paid"}

    async def come(self) -> Refused:
        for person in self.town.people:
            await self.town.ask("POST", f"{V1}/events", 202, json={"name": "order.paid", "contactId": str(person)})
        return {}


class EventList(Events):
    """All events in one request."""

    async def come(self) -> Refused:
        events = [{"name": "order.paid", "contactId": str(person)} for person in self.town.people]
        await self.town.ask("POST", f"{V1}/events", 202, json=events)
        return {}


class Import(Events):
    """A file of contacts, which changes each. What the steps of other workflows change is none of it: they add a tag."""

    visits = 0

    def data(self) -> dict[str, Any]:
        condition = {"field": "event.changed", "operator": "contains", "value": "attributes.color"}
        return {"event": "contact.updated", "conditions": [condition]}

    async def come(self) -> Refused:
        self.visits += 1
        lines = ["email,color", *(f"{email},{self.visits}" for email in self.town.emails)]
        file = (await upload(self.town.client, "\n".join(lines).encode()))["id"]
        mapping = {"email": "email", "color": "attributes.color"}
        await self.town.ask("POST", f"{IMPORT}/{file}/start", 202, json={"mapping": mapping})
        assert await runner.run_waiting(database.engine(), 60) is False
        return {}


class Program(Door):
    """`POST …/trigger`, a request for each contact."""

    type = "api"
    closed = ("workflow_not_active", "trigger_not_started")
    names: ClassVar[Mapping[str, str]] = {"triggerId": "trigger"}

    async def come(self) -> Refused:
        return {name: await self.start(workflow) for name, workflow in self.town.flows.items()}

    async def start(self, workflow: UUID) -> Counter[str]:
        said = Counter[str]()
        for person in self.town.people:
            body = {"contactId": str(person), **self.names}
            answer = await self.town.ask("POST", self.path(workflow), (202, 409), json=body)
            if answer.status_code == 409:
                said[reason_of(answer.json())] += 1
        return said

    def path(self, workflow: UUID) -> str:
        return f"{V1}/workflows/{workflow}/trigger"


class ProgramList(Program):
    """`POST …/trigger` with a list of contacts."""

    async def start(self, workflow: UUID) -> Counter[str]:
        body = {"contactIds": [str(person) for person in self.town.people], **self.names}
        answer = await self.town.ask("POST", self.path(workflow), (202, 409), json=body)
        if answer.status_code == 409:  # it is about all of them
            return Counter({reason_of(answer.json()): len(self.town.people)})
        return Counter(reason_of(one) for one in answer.json()["data"]["refused"])


class Execution(Program):
    """`POST …/execute`, without saying by which trigger."""

    names: ClassVar[Mapping[str, str]] = {}

    def path(self, workflow: UUID) -> str:
        return f"{V1}/workflows/{workflow}/execute"


class Page(Door):
    """The form on the page of a contact, in the browser of a marketer."""

    type = "manual"
    closed = ("No workflow can be started by hand", "No workflow can be started by hand")
    browser: httpx.AsyncClient
    WORDS: ClassVar[Mapping[str, str]] = {
        "is in the workflow already": "already_active",
        "lets everybody in once": "entered_before",
        "a short while ago": "cooling_down",
        "lets nobody in before": "not_open_yet",
        "lets nobody in any more": "closed",
        "and there were as many": "entries_used_up",
        "Choose a workflow that is active and can be started by hand": "not_startable",
    }

    async def open(self) -> None:
        town = self.town
        async with database.transaction() as session:
            home = await session.get(Workspace, town.world.tenant)
            assert home is not None
            who = await make_user(session, home, Role.MARKETER)
            token, session_id = await make_browser_session(session, home, who)
        proof = csrf.token_of_session(session_id, town.world.tenant)
        browser = httpx.AsyncClient(
            transport=town.client._transport,
            base_url=town.client.base_url,
            cookies={cookie_name(): token, csrf.COOKIE: proof},
            headers={csrf.HEADER: proof},
        )
        self.browser = await town.stack.enter_async_context(browser)

    async def come(self) -> Refused:
        said: dict[str, Counter[str]] = {name: Counter() for name in self.town.flows}
        words = {**self.WORDS, **{word: word for word in self.closed}}
        for name, workflow in self.town.flows.items():
            for person in self.town.people:
                answer = await self.browser.post(f"/contacts/{person}/start", data={"workflow": str(workflow)})
                if answer.status_code != 303:
                    (why,) = [reason for text, reason in words.items() if text in answer.text]
                    said[name][why] += 1
        return said


class Webhook(Door):
    """The address of the trigger, called by a sender who signs nothing."""

    type = "webhook"
    closed = ("not_listening", "not_listening")

    def data(self) -> dict[str, Any]:
        return {"identity": {"email": "$.email"}, "signature": "none"}

    async def live(self) -> None:
        self.addresses = dict[str, str]()
        for name, workflow in self.town.flows.items():
            path = f"{V1}/workflows/{workflow}/triggers/trigger/webhook"
            self.addresses[name] = urlsplit((await self.town.ask("GET", path, 200)).json()["data"]["url"]).path

    async def come(self) -> Refused:
        said: dict[str, Counter[str]] = {name: Counter() for name in self.town.flows}
        for name in self.town.flows:
            address = self.addresses[name]
            for email in self.town.emails:
                body, nobody = {"email": email}, {"authorization": ""}
                answer = await self.town.ask("POST", address, (202, 409), json=body, headers=nobody)
                if answer.status_code == 409:
                    said[name][answer.json()["code"]] += 1
        return said


class Schedule(Door):
    """The minute has come, and everybody enters whom the schedule is for."""

    type = "schedule"
    minutes = 1

    def data(self) -> dict[str, Any]:
        return {"cron": "* * * * *", "audience": {"conditions": []}}

    async def live(self) -> None:
        await schedules.work()

    async def come(self) -> Refused:
        self.town.move(self.town.clock.at + timedelta(minutes=1))
        await schedules.work()
        await enrolments.enrol_due()
        return {}


class Date(Door):
    """The date of each contact has come, which was moved to it a minute ago."""

    type = "date"
    minutes = 1

    def data(self) -> dict[str, Any]:
        return {"field": "contact.attributes.renewal"}

    async def live(self) -> None:
        await schedules.work()
        self.town.world.engine.advance()
        DateBuilder(self.town.world.engine.connection).run()

    async def come(self) -> Refused:
        at = self.town.clock.at + timedelta(minutes=1)
        for person in self.town.people:
            body = {"attributes": {"renewal": at.isoformat()}}
            await self.town.ask("PATCH", f"{V1}/contacts/{person}", 200, json=body)
        self.town.world.engine.advance()
        self.town.move(at)
        await dates.work()
        return {}


class SegmentEntry(Door):
    """Put into a segment, after those who are in were taken out."""

    type = "segment_entry"
    closed = ("workflow_paused", "")
    segment: str
    last: ClassVar[str] = "POST"

    def data(self) -> dict[str, Any]:
        return {"segmentId": self.segment}

    async def open(self) -> None:
        self.segment = (await self.town.ask("POST", f"{V1}/segments", 201, json={"name": "VIPs"})).json()["data"]["id"]

    async def come(self) -> Refused:
        body = {"contactIds": [str(person) for person in self.town.people]}
        for method in ("DELETE", "POST") if self.last == "POST" else ("POST", "DELETE"):
            await self.town.ask(method, f"{V1}/segments/{self.segment}/members", 200, json=body)
        return {}


class SegmentExit(SegmentEntry):
    """Taken out of a segment."""

    type = "segment_exit"
    last = "DELETE"


class Poll(Door):
    """A source has a new row for each contact."""

    type = "poll"
    minutes = 1
    url: str

    def data(self) -> dict[str, Any]:
        source = {"kind": "url", "url": self.url, "items": "$.rows"}
        return {"source": source, "everySeconds": 30, "identity": {"email": "$.email"}, "first": "new"}

    async def open(self) -> None:
        self.rows = list[dict[str, Any]]()
        recorder = self.town.stack.enter_context(recording())
        recorder.answer, self.url = self.answer, f"{recorder.url}/rows"

    def answer(self, _asked: Asked) -> Reply:
        return json_reply({"rows": self.rows})

    async def live(self) -> None:
        await schedules.work()
        await polls.work()

    async def come(self) -> Refused:
        self.rows += [{"id": len(self.rows) + place, "email": email} for place, email in enumerate(self.town.emails)]
        self.town.move(self.town.clock.at + timedelta(minutes=1))
        await polls.work()
        return {}


class Called(Door):
    """A step of another workflow, which each contact enters by an event."""

    type = "manual"
    closed = ("workflow_paused", "trigger_not_there")

    async def live(self) -> None:
        for workflow in self.town.flows.values():
            self.town.world.workflow({**parent_flow(workflow, "order.paid"), "settings": {"reentry": "always"}})

    async def come(self) -> Refused:
        events = [{"name": "order.paid", "contactId": str(person)} for person in self.town.people]
        await self.town.ask("POST", f"{V1}/events", 202, json=events)
        self.town.world.engine.take_events()  # whom they call waits
        return {}


DOORS = {
    "an event": Events, "a list of events": EventList, "an import": Import, "trigger": Program, "trigger with a list": ProgramList,
    "execute": Execution, "a page": Page, "a webhook": Webhook, "a schedule": Schedule, "a date": Date, "into a segment": SegmentEntry,
    "out of a segment": SegmentExit, "a poll": Poll, "a call": Called,
}  # fmt: skip


def reason_of(body: dict[str, Any]) -> str:
    """Why somebody was refused: the rule, or the error that is about more than one rule."""
    return str(body.get("reason") or body["code"])
