"""Runs without a contact: what a workflow that starts them may hold, said where it stands, and refused at every door."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.document import Flow
from app.flow.step_types import INSTALLED
from app.flow.validation import validate
from app.models import WorkflowVersion, Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients
from tests.workflows.examples import PATH, created

READS_CONTACT = {"conditions": [{"field": "contact.plan", "operator": "equals", "value": "pro"}]}
READS_INPUT = {"conditions": [{"field": "event.plan", "operator": "equals", "value": "pro"}]}


def steps(contact: str, type_: str = "add_tag", data: dict[str, Any] | None = None, **trigger: Any) -> dict[str, Any]:
    """An input by hand goes to `a`; an event of a contact goes to `b`, which adds a tag."""
    return {
        "triggers": [
            {"id": "hand", "type": "manual", "data": {"contact": contact}, **trigger},
            {"id": "event", "type": "event", "data": {"event": "paid"}},
        ],
        "nodes": [
            {"id": "a", "type": type_, "name": "Mine", "data": {"tag": "vip"} if data is None else data},
            {"id": "b", "type": "add_tag", "data": {"tag": "paid"}},
        ],
        "edges": [{"source": "hand", "target": "a"}, {"source": "event", "target": "b"}],
    }


def found(document: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    diagnostics = validate(Flow.load(document), types=INSTALLED, rows={})
    assert diagnostics.blocking_save == [], "people build step by step"
    return [(one.path, one.node_id, one.severity) for one in diagnostics.all]


@pytest.mark.parametrize("contact", ["optional", "none"])
@pytest.mark.parametrize(
    ("type_", "data"), [("add_tag", {"tag": "vip"}), ("remove_tag", {"tag": "vip"}), ("update_contact", {"set": {"n": 1}})]
)  # fmt: skip
def test_a_step_that_needs_a_contact_is_refused_by_name(contact: str, type_: str, data: dict[str, Any]) -> None:
    document = steps(contact, type_, data)
    assert found(document) == [("nodes[0]", "a", "error")]
    (told,) = validate(Flow.load(document), types=INSTALLED, rows={}).all
    assert told.message.startswith("“Mine” needs a contact")


def test_only_steps_that_such_a_run_may_come_to_are_meant() -> None:
    """`b` needs a contact too, and always has one; so has everything behind a trigger that is switched off, or takes contacts alone."""
    assert found(steps("none", "end", {})) == []
    assert found(steps("required")) == []
    assert found(steps("none", enabled=False)) == []
    document = steps("none", "delay", {"duration": 1, "unit": "days"})
    document["edges"].append({"source": "a", "target": "b"})
    assert found(document) == [("nodes[1]", "b", "error")]


def test_fields_of_a_contact_who_is_never_there_are_an_error() -> None:
    field = "data.conditions[0].field"
    assert found(steps("none", "condition", READS_CONTACT)) == [(f"nodes[0].{field}", "a", "error")]
    assert found(steps("optional", "condition", READS_CONTACT)) == [(f"nodes[0].{field}", "a", "warning")]
    assert found(steps("none", "condition", READS_INPUT)) == []
    text = {"conditions": [{"field": "event.plan", "operator": "equals", "value": "{{ contact.plan }}"}]}
    assert ("nodes[0].data.conditions[0].value", "a", "error") in found(steps("none", "condition", text))
    both = steps("none", "condition", READS_CONTACT)
    both["edges"][1]["target"] = "a"
    both["nodes"].pop()
    assert found(both) == [(f"nodes[0].{field}", "a", "warning")], "contacts come there as well"
    asked = steps("none", "end", {})
    asked["triggers"][0]["data"] |= READS_CONTACT
    assert found(asked) == [(f"triggers[0].{field}", "hand", "error")]


def test_goals_and_rules_of_entry_are_about_contacts() -> None:
    document = steps("none", "end", {})
    document["triggers"].pop()
    document["edges"].pop()
    document["nodes"].pop()
    goal = {"goals": [{"id": "g", "name": "Paid", "event": "paid"}]}
    assert found({**document, **goal}) == [("goals[0]", None, "warning")]
    assert found({**document, "settings": {"reentry": "once"}}) == [("settings.reentry", None, "warning")]
    assert found({**document, "settings": {"entryKey": "event.order"}}) == [("settings.entryKey", None, "warning")]
    assert found({**steps("none", "end", {}), **goal}) == [], "contacts of the event reach it"


def test_two_triggers_by_hand_may_share_the_starts() -> None:
    document = steps("none", "end", {})
    document["triggers"][1] = {"id": "event", "type": "manual"}
    assert found(document) == []
    document["triggers"][0]["data"]["contact"] = "optional"
    assert found(document) == [("triggers[1]", "event", "warning")]


async def test_every_door_refuses(api: ApiClients, db_session: AsyncSession, workspace: Workspace) -> None:
    """Activating, publishing what was edited, and going back to a version from before such a step was refused."""
    admin: httpx.AsyncClient = await api(Role.ADMIN)
    nobody: dict[str, Any] = {
        "name": "Silent",
        "trigger": {"type": "manual", "data": {"contact": "none"}},
        "nodes": steps("none")["nodes"][:1],
        "edges": [{"source": "trigger", "target": "a"}],
    }
    unfit = await created(admin, nobody)
    answers = [await admin.post(f"{PATH}/{unfit['id']}/activate"), await admin.post(f"{PATH}/{unfit['id']}/versions")]
    fit = await created(admin, {**nobody, "nodes": [{"id": "a", "type": "end"}]})
    preview = (await admin.get(f"{PATH}/{fit['id']}/activation-preview")).json()["data"]
    assert preview["reentry"] == "Each start is a run of its own, without a contact." and preview["blocking"] == []
    assert (await admin.post(f"{PATH}/{fit['id']}/activate")).status_code == 200
    earlier = Flow.load({part: nobody[part] for part in ("trigger", "nodes", "edges")})
    db_session.add(
        WorkflowVersion(
            tenant_id=workspace.id,
            workflow_id=UUID(fit["id"]),
            version=2,
            graph=earlier.document(),
            content_hash=earlier.content_hash(),
        )
    )
    await db_session.commit()
    answers.append(await admin.post(f"{PATH}/{fit['id']}/versions/2/revert"))
    for answer in answers:
        assert answer.status_code == 422, answer.text
        assert answer.json()["code"] == "workflow_not_ready" and "“Mine” needs a contact" in answer.json()["detail"]
