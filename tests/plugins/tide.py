"""A trigger and a step that sends by the documented channel, as somebody writes them beside the documented example."""

from __future__ import annotations

from pathlib import Path

from tests.fixtures import documented
from tests.fixtures.plugins import ICON, write_pick

TRIGGER = '''
"""The water comes in: an event of its own, for contacts who live by the sea."""

import msgspec

from app.flow import trigger_registry
from app.flow.trigger_type import TriggerPreview, TriggerType


class TideConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    harbour: str = ""


@trigger_registry.trigger
class SpringTide(TriggerType):
    type, label = "spring_tide", "Spring tide"
    description = "Starts when the water is at its highest."
    Config = TideConfig

    @classmethod
    def subscribes(cls, config):
        return (f"tide.{config.harbour}",) if config.harbour else ()

    @classmethod
    def event_name(cls, config):
        return f"tide.{config.harbour}"

    @classmethod
    def title(cls, config):
        return f"Spring tide at {config.harbour or 'no harbour'}"

    summary = title

    @classmethod
    def explain(cls, config, event):
        return f"The water stood high at {config.harbour}."

    @classmethod
    def preview(cls, config):
        return TriggerPreview("It looks at the water", f"at {config.harbour}.")
'''
STEP = '''
"""Hangs a notice up for the contact."""

from typing import Annotated
from uuid import UUID

import msgspec

from app.flow import registry
from app.flow.diagnostic import incomplete
from app.flow.effects import SendMessage
from app.flow.node_type import NodeType
from app.flow.outcomes import Done
from app.flow.references import Ref

NOTICEBOARD = 240


class HangUpConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    template_id: Annotated[UUID | None, Ref("template")] = None


@registry.node
class HangUp(NodeType):
    type, label, category, sends = "hang_up", "Notice", "message", NOTICEBOARD
    retryable = needs_contact = True
    description = "Hangs a notice up for the contact."
    Config = HangUpConfig

    @staticmethod
    def compile(config, scope):
        message = SendMessage(NOTICEBOARD, config.template_id.bytes if config.template_id else None, {}, awaits=True)
        return Done(output={"status": "queued"}, effects=(message,))

    @classmethod
    def diagnostics(cls, config):
        return [] if config.template_id else [incomplete("templateId", "Choose a template.")]

    @classmethod
    def summary(cls, config):
        return "Hang up a notice"
'''
CARD = '{% extends "_shared/card.html" %}{% block title %}{{ summary or "Tide" }}{% endblock %}{% block summary %}By the sea{% endblock %}'
FILES = {
    "triggers/spring_tide.py": TRIGGER,
    "nodes/hang_up.py": STEP,
    **{
        f"frontend/{folder}/{name}": text
        for folder, form, example in (
            (
                "triggers/spring_tide",
                '{{ ui.field("harbour", "Harbour", node.data.harbour or "") }}',
                '{"harbour": "port"}',
            ),
            (
                "hang_up",
                '{{ ui.field("templateId", "Template", node.data.templateId or "") }}',
                '{"templateId": "0198f2a4-5c1e-7d3a-9b7e-2f6c1d0e8a4b"}',
            ),
        )
        for name, text in {
            "icon.svg": ICON,
            "card.html": CARD,
            "form.html": form,
            "help.md": "By the sea.",
            "example.json": example,
            "node.json": '{"order": 90, "keywords": ["sea"], "defaults": {}}',
        }.items()
    },
}


def write_all(directory: Path) -> None:
    """A trigger, a step with ways out that its config makes, one that sends, and the channel that it sends by."""
    documented.write(directory)
    write_pick(directory)
    for name, text in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
