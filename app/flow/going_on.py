"""When a run goes on after a step that sends: the fields that all such steps have, what is wrong with them, and what they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.flow.diagnostic import Diagnostic, warning
from app.flow.references import ReferencedRow, ReferencedRows
from app.flow.settings import Span
from app.lib.translation import gettext, translatable

REPORTS, DEFAULT, CAN_UNSUBSCRIBE = "reports", "default", "can_unsubscribe"
"""Facts of rows that steps name: a connector whose provider reports, the default of its channel, a template with a link to unsubscribe."""
CANNOT_REPORT = translatable(
    "The connector “{}” hears nothing of deliveries. Choose one whose "
    "provider reports them, or continue when the {} is sent."
)


class GoingOn(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`delivered`: once the provider reports that the message arrived; after `deliveredWithin` the run goes on as sent, or by `error`."""

    go_on: Literal["queued", "sent", "delivered"] = "queued"
    delivered_within: Annotated[Span, Meta(title="For at most")] = Span(duration=24, unit="hours")
    not_reported: Annotated[Literal["continue", "error"], Meta(title="Without a report")] = "continue"

    @property
    def delivery(self) -> list[Any] | None:
        """What the message bears (`messaging.deliveries`): seconds, the port after them, and the time in words."""
        if self.go_on != "delivered":
            return None
        within = self.delivered_within
        return [within.seconds, "error" if self.not_reported == "error" else "next", within.words]


def connector_doubts(
    config: GoingOn, chosen: object, channel: int | None, noun: str, rows: ReferencedRows
) -> Iterator[Diagnostic]:
    """A step that waits for a delivery of which its connector never hears: the one that it names, else the default of its channel."""
    connectors = rows.get("connector", {})
    if config.go_on != "delivered":
        return
    if chosen is not None:
        row = connectors.get(chosen)  # type: ignore[call-overload]
    else:
        row = next((one for one in connectors.values() if one.channel == channel and DEFAULT in one.facts), None)
    if row is not None and row.channel == channel and REPORTS not in row.facts:
        yield Diagnostic("goOn", CANNOT_REPORT.format(row.name, noun))


def class_doubts(transactional: bool, template: ReferencedRow | None) -> Iterator[Diagnostic]:
    """An email whose text says something else about unsubscribing than its class does."""
    if template is None:
        return
    if transactional and CAN_UNSUBSCRIBE in template.facts:
        message = gettext(
            "This email is transactional: it goes to those who unsubscribed too. Its template has a link to unsubscribe, which ends"
            " marketing only. Take the link out, or make the email marketing."
        )
        yield warning("class", message)
    elif not transactional and CAN_UNSUBSCRIBE not in template.facts:
        message = gettext(
            "The template of this marketing email has no link to unsubscribe, which many laws and email providers want. Put"
            " {{ unsubscribe_url }} into it, or make the email transactional if nobody can decline it."
        )
        yield warning("templateId", message)
