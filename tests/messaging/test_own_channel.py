"""A channel is one folder: whoever writes it gets the queue, the gateway, retries, counters, pages and the API, and edits nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession

from app.builder import canvas
from app.connectors import form_check
from app.connectors.schemas import NewConnector
from app.flow import discovery
from app.lib import clock, wakeups
from app.lib.ids import uuid7
from app.messaging import jobs, ledger
from app.messaging.channels import presentation, registry
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.connector import ConnectorType
from app.messaging.channels.email.channel import EmailChannel
from app.models import Connector, Contact, Message, Workflow, Workspace
from app.models.status import MessageStatus, Role
from app.subscriptions.schemas import NewSuppression
from app.subscriptions.service import SuppressionService
from app.web.fragments import FragmentEngine
from tests.fixtures.plugins import plugins_in, templates_of
from tests.messaging.ended import exact
from tests.messaging.pager import FILES, INSTALLED, installed, write_pager
from tests.messaging.world import World

ROOT = Path(__file__).resolve().parents[2]
CONFIG = {"token": "s3cret", "signature": "- Shop"}


@pytest.fixture
def pager(tmp_path: Path) -> Iterator[Any]:
    with installed(tmp_path) as module:
        yield module


class Pages:
    """Queued pages of a world, to people with a phone."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.template = world.template(
            world.tenant, subject="", html="", text="Hi {{ contact.first_name }}, {{ event.thing }}"
        )
        world.connectors("create", NewConnector(name="Pager", type="pager", config=dict(CONFIG)))
        self.connector: UUID = world.value("select id from connectors where type = 'pager'")

    def page(self, phone: str | None, **contact: Any) -> UUID:
        person = self.world.contact(f"{uuid4()}@example.com", **contact)
        self.world.db.execute("update contacts set phone = %s where id = %s", (phone, person))
        run_id = self.world.message(person, template_id=self.template)
        self.world.db.execute("update messages set channel = 100 where run_id = %s", (run_id,))
        return run_id

    def ends(self, *run_ids: UUID) -> list[tuple[str, str | None]]:
        rows = [self.world.row(run_id) for run_id in run_ids]
        return [(row["word"], row["reason"]) for row in rows]


@pytest.fixture
def pages(pager: Any, world: World) -> Pages:
    return Pages(world)


def test_each_channel_has_its_consent_its_list_and_its_default_connector(
    pager: Any, pages: Pages, world: World
) -> None:
    listed = "+4930555003"
    world.by(lambda session, who: SuppressionService(session, who).add(
        [NewSuppression(listed, "manual", channel="pager"), NewSuppression("+4930555001", "manual", channel="pager")]
    ))  # fmt: skip
    fine = pages.page("+4930555000")
    no_mail = pages.page("+4930555002", consent={"email": False})
    no_pages = pages.page("+4930555004", consent={"pager": False})
    on_the_list, nowhere, strange = pages.page(listed), pages.page(None), pages.page("030 555")
    mail = world.message()
    no_more_mail = world.message(world.contact("no@example.com", consent={"pager": False}))
    world.deliver()
    assert pages.ends(fine, no_mail, mail, no_more_mail) == [("sent", None)] * 4
    assert pages.ends(no_pages, on_the_list, nowhere, strange) == [
        ("suppressed", "no_consent"), ("suppressed", "manual"), ("suppressed", "no_address"), ("suppressed", "invalid"),
    ]  # fmt: skip
    assert {(token, page.id, page.recipient, page.text) for token, page in pager.TAKEN} == {
        ("s3cret", f"{fine}-2", "+4930555000", "Hi Zoé, shoes - Shop"),
        ("s3cret", f"{no_mail}-2", "+4930555002", "Hi Zoé, shoes - Shop"),
    }
    assert len(world.sink.mails) == 2 and world.row(fine)["recipient"] == "+4930555000"
    assert world.row(fine)["connector_id"] == pages.connector != world.row(mail)["connector_id"]
    exact(world)


def test_a_number_that_does_not_exist_is_listed_for_its_channel_only(pager: Any, pages: Pages, world: World) -> None:
    gone = pages.page("+4930555010")
    pager.SCRIPT += ["unknown"]
    world.deliver()
    again = pages.page("+4930555010")
    world.deliver()
    assert pages.ends(gone, again) == [("failed", "bad_address"), ("suppressed", "bounced")]
    rows = world.db.execute("select channel, address, reason from suppressions").fetchall()
    assert rows == [(100, "+4930555010", "bounced")]
    assert len(pager.ASKED) == 1
    exact(world)


def test_what_is_put_off_is_tried_again_and_what_may_have_left_is_not(pager: Any, pages: Pages, world: World) -> None:
    busy, cut = pages.page("+4930555020"), None
    pager.SCRIPT += ["busy"]
    world.deliver()
    assert pages.ends(busy) == [("queued", "deferred")] and world.row(busy)["attempt"] == 1 and not pager.TAKEN
    cut = pages.page("+4930555021")
    pager.SCRIPT += ["cut"]
    world.deliver()
    world.make_due()
    world.deliver()
    assert pages.ends(busy, cut) == [("sent", None), ("uncertain", "unconfirmed")]
    assert [page.recipient for _, page in pager.TAKEN] == ["+4930555021", "+4930555020"], "nothing twice"
    world.resend(cut)
    world.deliver()
    assert pages.ends(cut) == [("sent", None)]
    assert [page.id for _, page in pager.TAKEN].count(f"{cut}-2") == 2, "a person wanted it, under the same name"
    exact(world)


def test_a_page_of_a_lost_worker_is_uncertain(pager: Any, pages: Pages, world: World) -> None:
    lost = pages.page("+4930555030")
    world.db.execute(
        "update messages set status = 1, due_at = null, attempt = 1, lease_until = now() - interval '1 second' where run_id = %s",
        (lost,),
    )
    assert [channel for _, _, channel in ledger.expire(world.db)] == [100]
    world.make_due()
    world.deliver()
    assert pages.ends(lost) == [("uncertain", "worker_lost")] and not pager.TAKEN


def test_a_provider_that_is_away_holds_its_own_channel(pager: Any, pages: Pages, world: World) -> None:
    first, second = pages.page("+4930555040"), pages.page("+4930555041")
    pager.SCRIPT += ["down"]
    mail = world.message()
    world.deliver()
    assert world.connector_state(pages.connector) == ("away", "Nobody answers.")
    assert world.connector_state(world.connector_id)[0] == "ok" and world.row(mail)["word"] == "sent"
    assert {world.row(one)["word"] for one in (first, second)} == {"queued"}
    world.probe_now()
    world.deliver()
    world.deliver()
    assert pages.ends(first, second) == [("sent", None)] * 2 and world.connector_state(pages.connector)[0] == "ok"
    exact(world)


def test_without_a_connector_of_the_channel_pages_wait(pager: Any, pages: Pages, world: World) -> None:
    world.db.execute("delete from connectors where id = %s", (pages.connector,))
    waiting = pages.page("+4930555050")
    named = pages.page("+4930555051")
    world.db.execute(
        "update messages set payload = jsonb_build_object('connectorId', %s::text) where run_id = %s",
        (str(world.connector_id), named),
    )
    mail = world.message()
    world.deliver()
    assert pages.ends(waiting, named, mail) == [("queued", "no_connector"), ("failed", "no_connector"), ("sent", None)]
    assert world.row(waiting)["error_message"] == "There is no connector for pages. Add one under Connectors."
    world.connectors("create", NewConnector(name="Pager", type="pager", config=dict(CONFIG)))
    world.deliver()
    assert pages.ends(waiting) == [("sent", None)]
    exact(world)


def test_messages_of_a_channel_that_is_not_installed_any_more_stay(pager: Any, pages: Pages, world: World) -> None:
    left = pages.page("+4930555060")
    registry.remove(pager.PagerChannel)
    mail = world.message()
    world.deliver()
    assert pages.ends(left, mail) == [("queued", None), ("sent", None)]
    registry.channel(pager.PagerChannel)
    world.deliver()
    assert pages.ends(left) == [("sent", None)]


def test_nobody_looks_ahead_to_messages_of_a_channel_that_is_not_installed(
    pager: Any, pages: Pages, world: World
) -> None:
    page, mail = pages.page("+4930555061"), world.message()
    for run_id, hours in ((page, 1), (mail, 2)):
        world.db.execute(
            "update messages set due_at = clock_now() + %s * interval '1 hour' where run_id = %s", (hours, run_id)
        )

    def hours_ahead() -> int:
        return round((wakeups.seconds_ahead(world.db, jobs.WAKEUPS) or 0) / 3600)

    assert hours_ahead() == 1
    registry.remove(pager.PagerChannel)
    assert hours_ahead() == 2, "nobody could send the page then"
    registry.channel(pager.PagerChannel)
    assert hours_ahead() == 1


async def test_the_api_knows_it(api: Any, pager: Any, db_session: AsyncSession, workspace: Workspace) -> None:
    client = await api(Role.ADMIN)
    new = {"name": "Pager", "type": "pager", "config": CONFIG}
    answer = await client.post("/api/v1/connectors", json=new)
    data = answer.json()["data"]
    assert (answer.status_code, data["type"], data["config"], data["isDefault"]) == (
        201, "pager", {"signature": "- Shop", "hasToken": True}, True,
    )  # fmt: skip
    assert "s3cret" not in answer.text
    row = await db_session.get(Connector, (workspace.id, UUID(data["id"])))
    assert (
        row is not None and row.secret is not None and b"s3cret" not in row.secret and "s3cret" not in str(row.config)
    )
    wrong = await client.post("/api/v1/connectors", json={**new, "name": "Other", "config": {"host": "x"}})
    assert wrong.status_code == 422 and {error["path"] for error in wrong.json()["errors"]} == {
        "config.token",
        "config.host",
    }
    tested = (await client.post(f"/api/v1/connectors/{data['id']}/test", json={"to": "+4930555070"})).json()["data"]
    assert tested == {"result": "sent", "message": "Beep."} and pager.TAKEN[0][1].recipient == "+4930555070"
    listed = {"address": "+4930555071", "channel": "pager"}
    assert (await client.post("/api/v1/suppressions", json=listed)).json()["data"]["channel"] == "pager"
    held = (await client.post(f"/api/v1/connectors/{data['id']}/test", json={"to": "+4930555071"})).json()["data"]
    assert held["result"] == "rejected" and len(pager.TAKEN) == 1
    assert (await client.get("/api/v1/suppressions?channel=email")).json()["data"] == []
    lifted = await client.post("/api/v1/suppressions/lift", json={**listed, "reason": "Asked for it"})
    assert lifted.json()["data"]["liftedBy"] is not None
    template = await client.post("/api/v1/templates", json={"name": "Short", "channel": "pager", "text": "Hi"})
    assert template.status_code == 201 and template.json()["data"]["channel"] == "pager"


async def test_the_pages_show_it(
    pager: Any, tmp_path: Path, test_app: Litestar, browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    client = await browser(Role.ADMIN)
    with templates_of(test_app, tmp_path):
        assert "/connectors/new?type=pager" in (await client.get("/connectors/new")).text
        form = (await client.get("/connectors/new?type=pager")).text
        assert "Pager service" in form and 'name="token"' in form
        sent = {"name": "Pager", "type": "pager", "token": "s3cret", "signature": "Us"}
        assert (await client.post("/connectors", data={**sent, "token": ""})).status_code == 422
        made = await client.post("/connectors", data=sent)
        assert made.status_code == 303
        page = (await client.get(made.headers["location"])).text
        assert "Pages leave one after another." in page and "Send a test page" in page and "s3cret" not in page
        shown = (await client.get("/connectors")).text
        assert "pager.example" in shown and "Pager service" in shown and "s3cret" not in shown
        tried = await client.post(f"{made.headers['location']}/test", data={"to": "+4930555079"})
        assert "The service took it. See whether it arrived at +4930555079." in tried.text
    contact = Contact(tenant_id=workspace.id, phone="+4930555080", consent={}, attributes={}, tags=[])
    db_session.add(contact)
    await db_session.flush()
    workflow = Workflow(tenant_id=workspace.id, name="Welcome", draft={})
    db_session.add(workflow)
    await db_session.flush()
    message = Message(
        run_id=uuid7(), seq=2, tenant_id=workspace.id, workflow_id=workflow.id, contact_id=contact.id, channel=100,
        status=int(MessageStatus.SENT), recipient="+4930555080", subject="Hi Zoé", created_at=clock.now(), attempt=1, fence=1,
        sent_at=clock.now(), settled_at=clock.now(),
    )  # fmt: skip
    db_session.add(message)
    await db_session.flush()
    assert "+4930555080" in (await client.get("/messages")).text
    assert "+4930555080" in (await client.get(f"/messages/{message.run_id}-2")).text
    assert "Pager sent" in (await client.get(f"/contacts/{contact.id}")).text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "email"}, "Two channels are called 'email'"),
        ({"number": 1}, "both have the number 1"),
        ({"number": 7}, "has to be 100 or more"),
        ({"number": 0}, "from 1 to 32,767"),
        ({"number": 40_000}, "from 1 to 32,767"),
        ({"type": "My pager"}, "a name of small letters"),
        ({"connectors": ()}, "no connector type"),
        ({"connectors": EmailChannel.connectors[:1]}, "both have a connector type 'smtp'"),
        ({"compose": ChannelType.compose}, "The channel Other does not say its compose."),
    ],
)
def test_what_cannot_be_a_channel_is_refused(change: dict[str, Any], words: str) -> None:
    class Kind(EmailChannel.connectors[0]):  # type: ignore[misc, name-defined]
        type = "other"

    class Other(EmailChannel):
        type, number, connectors = "other", 101, (Kind,)

    assert registry.words() == INSTALLED
    for name, value in change.items():
        setattr(Other, name, value)
    with pytest.raises(ValueError, match=words):
        registry.channel(Other)
    assert registry.words() == INSTALLED


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (
            {},
            "The channel Tide does not say its type, number, label, noun, icon, identifier, connectors, compose, sample.",
        ),
        (
            {"type": "tide", "number": 101, "label": "Tide", "noun": "wave", "icon": "bell", "identifier": "phone"},
            "its connectors,",
        ),
    ],
)
def test_an_incomplete_channel_is_told_what_is_missing(members: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        registry.channel(type("Tide", (ChannelType,), dict(members)))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "does not say its type, label, Config, form, view, summary, sender, transport"),
        ({"secret": "token"}, "has no field 'token' for its secret"),
        ({"Config": msgspec.defstruct("Odd", [("name", str), ("password", str)])}, "A connector has a name of its own"),
    ],
)
def test_an_incomplete_connector_type_is_told_what_is_missing(members: dict[str, Any], words: str) -> None:
    base = EmailChannel.connectors[0] if members else ConnectorType
    kind = type("Kind", (base,), {"type": "other", **members} if members else {})
    with pytest.raises(ValueError, match=words):
        registry.channel(type("Other", (EmailChannel,), {"type": "other", "number": 101, "connectors": (kind,)}))
    assert registry.words() == INSTALLED


@pytest.mark.parametrize("file", FILES)
async def test_one_without_a_file_is_not_installed_and_hurts_nobody(
    file: str, tmp_path: Path, browser: Any, api: Any
) -> None:
    write_pager(tmp_path)
    (tmp_path / "frontend" / "channels" / "pager" / "pager" / file).unlink()
    with plugins_in(tmp_path):
        words = f"frontend/channels/pager/pager/{file} is missing."
        assert presentation.refusals() == {"pager": words} and "pager" not in presentation.installed()
        page = (await (await browser(Role.ADMIN)).get("/connectors")).text
        assert "Not installed" in page and words in page
        assert words not in (await (await browser(Role.VIEWER)).get("/connectors")).text
        client = await api(Role.ADMIN)
        answer = await client.post("/api/v1/connectors", json={"name": "Pager", "type": "pager", "config": CONFIG})
        assert answer.status_code == 422 and "not installed completely here. Use one of smtp, " in answer.text


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("form.html", '{{ ui.field("colour", "Colour", "") }}', "asks for colour, which the Config does not have"),
        ("form.html", '{{ ui.field("token", "Token", "") }}', "does not ask for signature"),
        ("form.html", "{{ nothing.at.all }}", "cannot be shown"),
        ("help.html", "{% block %}", "cannot be shown"),
        ("example.json", "{", "holds no settings of this type"),
        ("example.json", '{"colour": "red"}', "holds no settings of this type"),
    ],
)
def test_one_whose_files_do_not_work_is_not_installed(file: str, text: str, words: str, tmp_path: Path) -> None:
    write_pager(tmp_path)
    (tmp_path / "frontend" / "channels" / "pager" / "pager" / file).write_text(text)
    with plugins_in(tmp_path):
        engine = FragmentEngine(
            directory=[ROOT / "app" / "templates", tmp_path / "frontend", discovery.PRODUCT_FRONTEND]
        )
        canvas.teach(engine)
        form_check.check_connectors(engine)
        assert words in presentation.refusals()["pager"] and "pager" not in presentation.installed()


def test_one_that_cannot_be_loaded_stops_no_other(tmp_path: Path) -> None:
    folder = tmp_path / registry.PLUGINS
    folder.mkdir()
    (folder / "broken.py").write_text("import app.no_such_module")
    with plugins_in(tmp_path):
        assert "no_such_module" in registry.failures()["broken"] and registry.words() == INSTALLED
        assert "no_such_module" in presentation.refusals()["broken"]


async def test_a_channel_that_there_is_not(api: Any) -> None:
    client = await api(Role.ADMIN)
    for path, body in (
        ("/api/v1/suppressions", {"address": "+49305550", "channel": "pager"}),
        ("/api/v1/suppressions/lift", {"address": "+49305550", "channel": "pager", "reason": "x"}),
        ("/api/v1/templates", {"name": "Short", "channel": "pager", "subject": "Hi", "text": "Hi"}),
        ("/api/v1/connectors", {"name": "Pager", "type": "pager", "config": {}}),
    ):
        answer = await client.post(path, json=body)
        assert answer.status_code == 422, path
        (error,) = answer.json()["errors"]
        wanted = "channel" if "connectors" not in path else "type"
        assert error["path"].endswith(wanted) and "Use one of" in error["message"]
