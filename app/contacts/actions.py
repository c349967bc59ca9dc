"""Manual changes of one contact: the fields of its dialogs, and recording an event.

Putting it into a workflow is done in `app.triggers`, which stands above.
"""

from __future__ import annotations

from typing import Any, Self

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import AppError, Invalid
from app.events.record import NewEvent, record
from app.lib import jsonlimits
from app.lib.translation import gettext
from app.models.contact import Contact
from app.values.event_fields import DECISIONS
from app.web.dialog_form import DialogForm


class ActionForm(DialogForm):
    """The dialogs `start`, `event` and `resubscribe` of a contact's page."""

    workflow: str = ""
    event: str = ""
    properties: str = ""
    reason: str = ""

    def decoded_properties(self) -> dict[str, Any]:
        """The properties, typed as JSON; none when blank. Raises Invalid."""
        if not self.properties.strip():
            return {}
        try:
            properties: dict[str, Any] = msgspec.json.decode(self.properties, type=dict[str, Any])
            jsonlimits.storable(properties)
        except jsonlimits.Unstorable as error:
            raise Invalid(errors=[{"path": "properties", "message": str(error)}]) from error
        except (msgspec.MsgspecError, RecursionError) as error:
            message = gettext('Write a JSON object, like {"amount": 12.5}.')
            raise Invalid(errors=[{"path": "properties", "message": message}]) from error
        return properties

    def failed(self, error: AppError, otherwise: str = "workflow") -> Self:
        return super().failed(error, otherwise)


class ContactActions:
    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal = session, principal

    async def send(self, contact: Contact, form: ActionForm) -> None:
        """Record an event of the contact."""
        name = form.event.strip()
        if not name or len(name) > 200 or "\0" in name:
            raise Invalid(errors=[{"path": "event", "message": gettext("Write the name of the event, like purchase.")}])
        if name in DECISIONS:
            message = gettext(
                "This event tells of a decision and does not make one. Edit the consent of the contact, or "
                "re-subscribe it."
            )
            raise Invalid(errors=[{"path": "event", "message": message}])
        properties = form.decoded_properties()
        await record(
            self.session,
            self.principal.tenant_id,
            [NewEvent(name=name, contact_id=contact.id, properties=properties)],
        )
