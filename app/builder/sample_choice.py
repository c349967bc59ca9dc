"""Choosing the sample of a workflow: what its panel offers, what a form says, and the command that sends an event like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from litestar.datastructures import FormMultiDict
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.contacts.list_repository import ContactFilter
from app.contacts.service import ContactService
from app.errors import FieldError, Invalid
from app.flow.brief_values import BriefValues, brief_values
from app.flow.document import Flow
from app.lib.translation import gettext
from app.models import Workflow
from app.test_runs.sample_repository import BriefEvent, ReceivedEvent
from app.test_runs.samples import Sample, SampleService, heard_names
from app.test_runs.schemas import InventedContact, InventedEvent, SampleIn
from app.values.contact_view import name_of
from app.web.fragments import page

MOST_PEOPLE, LONGEST_SEARCH = 20, 200
Decoded = TypeVar("Decoded")


class ShownEvent(NamedTuple):
    """An event that may become the sample: whose it is, and what tells it from the others."""

    event: BriefEvent
    name: str
    brief: BriefValues


def shown_events(received: Sequence[ReceivedEvent]) -> list[ShownEvent]:
    """Events of a list, the newest first."""
    briefs = brief_values([event.properties for event, _ in received])
    return [
        ShownEvent(event, name_of(contact), brief._replace(more=brief.more + event.more))
        for (event, contact), brief in zip(received, briefs, strict=True)
    ]


def curl_of(url: str, name: str, properties: dict[str, Any]) -> str:
    """A command that sends such an event, with a place for the key."""
    body = msgspec.json.format(
        msgspec.json.encode({"name": name, "email": "ada@example.com", "properties": properties}), indent=2
    ).decode()
    quoted_body = body.replace("'", "'\\''")
    return (
        f"curl {url}/api/v1/events \\\n  -H 'Authorization: Bearer YOUR_API_KEY' \\\n"
        f"  -H 'Content-Type: application/json' \\\n  -d '{quoted_body}'"
    )


async def choice_page(
    request: AppRequest,
    workflow: Workflow,
    flow: Flow,
    samples: SampleService,
    contacts: ContactService,
    search: str,
    form: FormMultiDict | None = None,
    errors: list[FieldError] | None = None,
    *,
    bar: bool = False,
) -> Template:
    """`bar`: in the top bar of the builder, else in the panel of Test. What was refused is shown again with its `form`."""
    sample = await samples.of(workflow, flow)
    wanted = ContactFilter(search=search[:LONGEST_SEARCH])
    people = (await contacts.list(wanted, limit=MOST_PEOPLE)).items if search else []
    received = [] if search else await samples.choices(flow)
    panel, chip = ("builder/sample.html", "builder/sample_chip.html")
    return page(
        request,
        panel if not bar else "builder/sample_choice.html" if form is None else chip,
        bar=bar,
        choice=True,
        url=f"/workflows/{workflow.id}",
        may_edit=True,
        workflow_id=workflow.id,
        sample=sample,
        received=shown_events(received),
        people=[(contact, name_of(contact)) for contact in people],
        search=search,
        names=heard_names(flow.triggers),
        values=_invented(sample) if form is None else form,
        errors={error["path"].split(".")[0]: error["message"] for error in errors or []},
    )


def _invented(sample: Sample) -> dict[str, str]:
    """The fields of somebody invented, filled with the present sample."""
    contact = msgspec.to_builtins(sample.view.contact) if sample.person else {}
    left_out = ("id", "name")
    shown = {name: value for name, value in contact.items() if name not in left_out and value not in (None, [], {})}
    values = {"contact": shown, "event": {"name": sample.event_name, "properties": sample.event}}
    return {name: msgspec.json.format(msgspec.json.encode(value), indent=2).decode() for name, value in values.items()}


def _decoded(written: Any, struct: type[Decoded]) -> Decoded | None:
    """JSON of a field; None where it is empty. Raises msgspec.DecodeError."""
    return msgspec.json.decode(str(written), type=struct) if written else None


def wanted_sample(form: FormMultiDict) -> SampleIn:
    """What a form chooses. Raises Invalid."""
    try:
        contact = _decoded(form.get("contact"), InventedContact)
    except msgspec.DecodeError as error:
        raise Invalid(errors=[FieldError(path="contact", message=str(error))]) from error
    try:
        event = _decoded(form.get("event"), InventedEvent)
    except msgspec.DecodeError as error:
        raise Invalid(errors=[FieldError(path="event", message=str(error))]) from error
    try:
        ids = {
            name: UUID(str(form[key]))
            for name, key in (("contact_id", "contactId"), ("event_id", "eventId"))
            if form.get(key)
        }
    except ValueError as error:
        raise Invalid(errors=[FieldError(path="contactId", message=gettext("There is no such contact."))]) from error
    return SampleIn(contact=contact, event=event, **ids)
