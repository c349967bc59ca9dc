"""A step is called what its card says wherever a page names it: an email without a name of its own, whose card has its template's."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.lib import clock
from app.lib.ids import uuid7
from app.models import Message
from app.models.run import NodeStat
from app.models.status import Channel, MessageStatus, Role, RunStatus
from tests.fixtures.people import BrowserClients
from tests.fixtures.runs import run_row
from tests.runs.test_step_titles import walked

TITLE = "Welcome aboard"
DOORS = [
    "/runs",
    "/runs?node=mail",
    "/workflows/{workflow}/runs",
    "/runs/{run}",
    "/workflows/{workflow}/people/{run}",
    "/workflows/{workflow}/stats",
    "/workflows/{workflow}/versions",
    "/contacts/{contact}",
    "/held-runs",
    "/messages/{run}-2",
    "/messages?columns=to,step",
]


@pytest.fixture
async def ids(principals: dict[Role, Principal], db_session: AsyncSession) -> dict[str, str]:
    """A run that stands at the email, another that is held there, and the message of the first."""
    workflow, waiting = await walked(db_session, principals[Role.OWNER])
    waiting.current_node_id = "mail"
    held = run_row(
        id=uuid7(), contact_id=waiting.contact_id, tenant_id=workflow.tenant_id, workflow_id=workflow.id, workflow_version=1,
        trigger_event={}, started_at=clock.now() - timedelta(hours=1), status=int(RunStatus.HELD), seq=1, attempt=1, fence=0,
        current_node_id="mail", error_message="It did not work.",
    )  # fmt: skip
    message = Message(
        run_id=waiting.id, seq=2, tenant_id=workflow.tenant_id, workflow_id=workflow.id, contact_id=waiting.contact_id, workflow_version=1,
        node_id="mail", channel=int(Channel.EMAIL), status=int(MessageStatus.SENT), recipient="ada@example.com", subject="Hi",
        created_at=clock.now(), sent_at=clock.now(),
    )  # fmt: skip
    entered = NodeStat(
        workflow_id=workflow.id, version=1, node_id="", key="entered", shard=0, tenant_id=workflow.tenant_id, n=1
    )
    db_session.add_all([held, message, entered])
    await db_session.flush()
    return {"workflow": str(workflow.id), "run": str(waiting.id), "contact": str(waiting.contact_id)}


@pytest.mark.parametrize("door", DOORS)
async def test_the_name_of_the_card_stands_there(browser: BrowserClients, ids: dict[str, str], door: str) -> None:
    page = (await (await browser(Role.VIEWER)).get(door.format(**ids))).text
    seen = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    assert TITLE in seen, "called by its type"
    assert not re.search(r">\s*(?:mail|Step 2)\s*<", seen), "called by its id or number"
