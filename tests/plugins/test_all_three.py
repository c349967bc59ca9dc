"""One plugin directory brings a trigger, a step with ways out of its own and a channel: a flow runs through all three, and no file of the
product names or needs them.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow import presentation
from app.lib import database
from app.lib.database_roles import DatabaseRole
from app.messaging.channels import presentation as channel_presentation
from app.messaging.channels import registry as channels
from app.messaging.deliver import Delivery
from app.models import Workspace
from app.models.status import Role
from app.scheduler import Scheduler
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import ApiClients, BrowserClients
from tests.fixtures.plugins import plugins_in
from tests.fixtures.web import client_of
from tests.fixtures.world import World, flow, node
from tests.plugins.tide import write_all

ROOT = Path(__file__).resolve().parents[2]
OURS = ("app", "frontend-nodes", "migrations")
NAMES = ("spring_tide", "hang_up", "noticeboard", "shop_board")
CASES = [{"id": "gold", "label": "Gold", "equals": "gold"}]


def fingerprint() -> str:
    """Of every file of the product, without what is compiled from them beside them."""
    files = (path for place in OURS for path in (ROOT / place).rglob("*") if path.is_file())
    paths = sorted(path for path in files if "__pycache__" not in path.parts)
    return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in paths)).hexdigest()


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    made = World(committed_database.url)
    yield made
    made.close()


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Path]:
    write_all(tmp_path)
    with plugins_in(tmp_path):
        yield tmp_path


class Product:
    """The app as a server starts it with the plugin directory, with the engine and the sender of a worker."""

    def __init__(self, world: World, api: httpx.AsyncClient, browser: httpx.AsyncClient) -> None:
        self.world, self.api, self.browser = world, api, browser

    async def post(self, path: str, body: Any) -> Any:
        answer = await self.api.post(f"/api/v1{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()["data"]

    async def get(self, path: str) -> Any:
        answer = await self.api.get(f"/api/v1{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def page(self, path: str) -> str:
        answer = await self.browser.get(path)
        assert answer.status_code == 200, answer.text
        return re.sub(r"\\s+", " ", answer.text)

    async def work(self) -> None:
        """What workers do until nothing is left to do now."""
        for _ in range(2):
            await asyncio.to_thread(self.world.engine.advance)
            with database.connect() as connection:
                await Delivery(connection).run(5)

    async def set_up(self) -> tuple[str, str]:
        """A connector, a template and an active workflow; answers the ids of the workflow and of the connector."""
        connector = await self.post(
            "/connectors", {"name": "Board", "type": "shop_board", "config": {"board": "main", "key": "s3cret"}}
        )
        template = await self.post(
            "/templates", {"name": "Tide", "channel": "noticeboard", "text": "Mind the tide, {{ contact.first_name }}."}
        )
        document = flow(
            None,
            [
                node("ask", "pick", value="contact.attributes.plan", cases=CASES),
                node("notice", "hang_up", templateId=template["id"]),
                node("rest", "add_tag", tag="rest"),
            ],
            ("trigger", "ask"), ("ask", "notice", "gold"), ("ask", "rest", "default"),
        )  # fmt: skip
        document["trigger"] = {"type": "spring_tide", "data": {"harbour": "port"}}
        workflow = await self.post(
            "/workflows", {"name": "By the sea", **{key: document[key] for key in ("trigger", "nodes", "edges")}}
        )
        await self.post(f"/workflows/{workflow['id']}/activate", {})
        return workflow["id"], connector["id"]

    async def tide(self, external_id: str, plan: str) -> None:
        person = {"externalId": external_id, "attributes": {"plan": plan, "first_name": "Ada"}}
        await self.post("/contacts", person)
        await self.post("/events", {"name": "tide.port", "externalId": external_id})


@pytest.fixture
async def product(installed: Path, world: World) -> AsyncIterator[Product]:
    from app.asgi import create_app

    app = create_app()
    app.state["database"].update_app_state(app)
    async with (
        database.job_engine(DatabaseRole.OWNER) as engine,
        AsyncSession(engine, expire_on_commit=False) as session,
        AsyncExitStack() as stack,
    ):
        workspace = await session.get_one(Workspace, world.tenant)

        def connect(**options: Any) -> httpx.AsyncClient:
            return client_of(app, **options)

        api = await ApiClients(session, workspace, connect, stack)(Role.OWNER)
        browser = await BrowserClients(session, workspace, connect, stack)(Role.OWNER)
        await session.commit()
        yield Product(world, api, browser)


async def test_a_flow_runs_through_all_three_and_nothing_else_was_touched(product: Product) -> None:
    before = fingerprint()
    assert presentation.refusals() == {} and channel_presentation.refusals() == {}
    workflow, connector = await product.set_up()
    await product.tide("ada-1", "gold")
    await product.tide("bob-2", "tin")
    await product.work()

    board = sys.modules["throughline_plugins.channels.noticeboard"].BOARDS.pop("main")
    assert [(one.recipient, one.text) for one in board] == [("ada-1", "Mind the tide, Ada.")]
    assert product.world.runs(UUID(workflow)) == {"completed": 2}
    ways = {(name, port) for name, _, port in product.world.steps(UUID(workflow))}
    assert {("ask", "gold"), ("ask", "default"), ("notice", "next"), ("rest", "next")} <= ways
    rows = product.world.db.execute("select channel, status, recipient, connector_id::text from messages").fetchall()
    assert rows == [(240, 2, "ada-1", connector)]
    product.world.balanced()
    await _shown_everywhere(product, workflow, connector)
    assert fingerprint() == before


async def _shown_everywhere(product: Product, workflow: str, connector: str) -> None:
    (message,) = await product.get("/messages")
    assert (message["channel"], message["status"], message["recipient"]) == ("noticeboard", "sent", "ada-1")
    run = await product.page(f"/runs/{message['runId']}")
    for words in ("The water stood high at port.", "The run took the Gold branch.", "Sent to ada-1."):
        assert words in run, words
    step = next(
        step
        for step in (await product.get(f"/workflows/{workflow}/runs/{message['runId']}"))["steps"]
        if step["message"]
    )
    assert (step["nodeType"], step["message"]["channel"]) == ("hang_up", "noticeboard")
    builder = await product.page(f"/workflows/{workflow}")
    for words in ("Pick by contact.attributes.plan", "Hangs a notice up for the contact.", "spring_tide", "Gold"):
        assert words in builder, words
    ledger, one = await product.page("/messages"), await product.page(f"/messages/{message['id']}")
    assert "Notice board" in ledger and "Notice board" in one and "What was sent is with its recipient." in one
    listed, form = await product.page("/connectors"), await product.page(f"/connectors/{connector}")
    assert "Notice board" in listed and "main" in listed and "s3cret" not in listed + form
    assert (
        "How notices hang up" in form
        and "Hang up a test notice" in form
        and "shop_board" in await product.page("/connectors/new")
    )
    known = {info["type"] for info in await product.get("/node-types")}
    assert {"pick", "hang_up"} <= known
    assert "spring_tide" in {info["type"] for info in await product.get("/trigger-types")}
    document = (await product.api.get("/docs/openapi/openapi.json")).json()
    schemas = document["components"]["schemas"]
    assert set(schemas["NewConnector"]["discriminator"]["mapping"]) >= {"smtp", "http", "shop_board"}
    assert set(schemas["BoardConfig"]["properties"]) == {"board", "key"}
    assert {"pick", "hang_up"} <= set(schemas["Node"]["discriminator"]["mapping"])
    assert set(schemas["TideConfig"]["properties"]) == {"harbour"}
    tried = await product.post(f"/connectors/{connector}/test", {"to": "ada-1"})
    assert tried == {"result": "sent", "message": "It hangs on the board."}


def test_no_file_of_the_product_names_them() -> None:
    word = re.compile("|".join(NAMES))
    sources = [
        path
        for place in OURS
        for path in (ROOT / place).rglob("*")
        if path.suffix in (".py", ".html", ".js", ".json", ".css")
    ]
    assert [path for path in sources if word.search(path.read_text())] == []


@contextmanager
def taken_away(name: str) -> Iterator[None]:
    """A server that was started without the channel."""
    channel = channels.find(name)
    assert channel is not None
    channels.remove(channel)
    channel_presentation.forget()
    try:
        yield
    finally:
        channels.channel(channel)
        channel_presentation.forget()


async def test_a_message_of_a_channel_that_was_taken_away_waits_and_says_so(product: Product) -> None:
    workflow, connector = await product.set_up()
    with taken_away("noticeboard"):
        await product.tide("ada-1", "gold")
        await product.work()
        (message,) = await product.get("/messages")
        words = (
            "Its channel, channel 240, is not installed here. It waits until whoever runs the server installs it again."
        )
        assert (message["status"], message["errorMessage"]) == ("queued", words)
        for path in ("/messages", f"/messages/{message['id']}", f"/runs/{message['runId']}"):
            assert words.rstrip(".") in await product.page(path), path
        assert "Not installed" in await product.page("/connectors")
        assert "Connectors of the type shop_board are not installed here." in await product.page(
            f"/connectors/{connector}"
        )
        refused = await product.api.patch(f"/api/v1/connectors/{connector}", json={"config": {"board": "other"}})
        assert (refused.status_code, refused.json()["code"]) == (409, "type_not_installed")
        for path in ("/", "/workflows", f"/workflows/{workflow}", "/templates", "/suppressions", "/contacts"):
            await product.page(path)
    await product.work()
    (message,) = await product.get("/messages")
    assert (message["status"], message["errorMessage"]) == ("sent", None)
    assert [one.recipient for one in sys.modules["throughline_plugins.channels.noticeboard"].BOARDS.pop("main")] == [
        "ada-1"
    ]
    assert product.world.runs(UUID(workflow)) == {"completed": 1}


async def test_a_step_names_templates_and_connectors_of_its_channel_only(product: Product) -> None:
    """Of the two channels there are here, by the API and by the forms of the builder."""
    smtp = await product.post(
        "/connectors",
        {"name": "Mail", "type": "smtp", "config": {"host": "mail.example", "fromEmail": "us@example.com"}},
    )
    board = await product.post(
        "/connectors", {"name": "Board", "type": "shop_board", "config": {"board": "main", "key": "s3cret"}}
    )
    notice = await product.post("/templates", {"name": "Tide", "channel": "noticeboard", "text": "Mind the tide."})
    mail = await product.post("/templates", {"name": "Letter", "subject": "Hi", "text": "Hello"})

    def document(**email: Any) -> dict[str, Any]:
        notice_step = node("notice", "hang_up", templateId=email.pop("notice", notice["id"]))
        steps = [{**node("write", "send_email", **email), "name": "Write home"}, notice_step]
        whole = flow(None, steps, ("trigger", "write"), ("write", "notice"))
        return {"name": "By the sea", **{key: whole[key] for key in ("trigger", "nodes", "edges")}}

    wrong = [
        ({"templateId": notice["id"]}, ("“Write home”", "template “Tide”", "Notice board")),
        ({"templateId": mail["id"], "connectorId": board["id"]}, ("“Write home”", "connector “Board”", "Notice board")),
        ({"templateId": mail["id"], "notice": mail["id"]}, ("“Hang up a notice”", "template “Letter”", "Email")),
    ]
    for given, words in wrong:
        answer = await product.api.post("/api/v1/workflows", json=document(**given))
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["errors"]
        assert all(word in error["message"] for word in words), error
    right = document(templateId=mail["id"], connectorId=smtp["id"])
    workflow = await product.post("/workflows", right)
    changed = await product.api.patch(f"/api/v1/workflows/{workflow['id']}", json=document(templateId=notice["id"]))
    assert changed.status_code == 422

    form = await product.page(f"/workflows/{workflow['id']}/nodes/write/panel")
    assert mail["id"] in form and smtp["id"] in form
    assert notice["id"] not in form and board["id"] not in form

    product.world.db.execute(
        "update workflows set draft = replace(draft::text, %s, %s)::jsonb where id = %s",
        (smtp["id"], board["id"], workflow["id"]),
    )
    refused = await product.api.post(f"/api/v1/workflows/{workflow['id']}/activate", json={})
    assert refused.status_code == 422 and "connector “Board”" in refused.text, refused.text


async def test_a_message_by_a_connector_of_another_channel_fails_with_a_true_sentence(product: Product) -> None:
    """Of a version that was published before steps were held to connectors of their channel."""
    await product.set_up()
    smtp = await product.post(
        "/connectors",
        {"name": "Mail", "type": "smtp", "config": {"host": "mail.example", "fromEmail": "us@example.com"}},
    )
    await product.tide("ada-1", "gold")
    await asyncio.to_thread(product.world.engine.advance)
    product.world.db.execute("update messages set payload = jsonb_build_object('connectorId', %s::text)", (smtp["id"],))
    await product.work()
    (message,) = await product.get("/messages")
    said = "The connector that this step names belongs to another channel: Email."
    assert (message["status"], message["errorMessage"]) == ("failed", said)


async def test_nobody_is_woken_for_a_channel_that_was_taken_away(product: Product) -> None:
    await product.set_up()
    await product.tide("ada-1", "gold")
    await asyncio.to_thread(product.world.engine.advance)
    notified: list[str] = []

    def ticks() -> int:
        notified.clear()
        scheduler = Scheduler(notified.append)
        with database.connect("scheduler") as connection:
            for _ in range(3):
                scheduler.tick(connection)
        return notified.count("deliver")

    with taken_away("noticeboard"):
        assert await asyncio.to_thread(ticks) == 0
    assert await asyncio.to_thread(ticks) == 3


def started(directory: Path, code: str) -> str:
    """What a process prints that is started with this plugin directory."""
    environment = {**os.environ, "THROUGHLINE_LOCAL": "1", "THROUGHLINE_PLUGINS": str(directory)}
    run = [sys.executable, "-c", code]
    return subprocess.run(run, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout


CODE = """
from app.asgi import create_app
from app.flow import presentation
from app.messaging.channels import presentation as channels
create_app()
print(*presentation.steps(), *presentation.triggers(), *channels.installed())
for name, reason in (*presentation.refusals().items(), *channels.refusals().items()):
    print(name, reason, sep=": ")
"""


def test_a_server_that_starts_with_broken_ones_leaves_them_out_with_a_sentence(tmp_path: Path) -> None:
    """One module that raises, a channel without a file, and so a step that sends by what is not there; the others stand."""
    write_all(tmp_path)
    (tmp_path / "channels" / "broken.py").write_text("raise RuntimeError('no licence')")
    (tmp_path / "triggers" / "broken.py").write_text("import nothing_like_it")
    (tmp_path / "channels" / "noticeboard" / "__init__.py").write_text(
        (tmp_path / "channels" / "noticeboard" / "__init__.py").read_text().replace("def compose", "def composed")
    )
    first, *sentences = [line for line in started(tmp_path, CODE).splitlines() if not line.startswith("{")]
    there = first.split()
    assert (
        {"pick", "spring_tide", "delay", "event", "smtp"} <= set(there)
        and "hang_up" not in there
        and "shop_board" not in there
    )
    assert sorted(sentences) == [
        "broken: channels/broken.py could not be loaded: no licence.",
        "broken: triggers/broken.py could not be loaded: No module named 'nothing_like_it'.",
        "hang_up: It sends by channel 240, which is not installed.",
        "noticeboard: channels/noticeboard/__init__.py could not be loaded: The channel NoticeboardChannel does not say its compose.",
    ]
