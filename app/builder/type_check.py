"""Do the templates of step and trigger types work? Every form and card is rendered once, at start, with the example of its type.

A type whose form asks for what its config does not have, or whose templates fail, is not installed; a sentence says what to mend.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import structlog

from app.builder.form_options import Choices
from app.card_title_repository import REFERENCED
from app.flow import presentation, registry, trigger_registry
from app.flow.node_words import summary_of
from app.flow.presentation import Presentation
from app.lib.field_errors import is_left_out
from app.lib.translation import gettext
from app.messaging.channels import registry as channels
from app.web.form_controls import FormControls
from app.web.fragments import FragmentEngine

log = structlog.get_logger()
NODE_FIELDS = {"retry"}
"""Fields that a form writes beside the config: they belong to the node, not to the type."""


def rendered(engine: FragmentEngine, look: Presentation, template: str, data: dict[str, Any]) -> str:
    """`card.html` or `form.html` of a type for a step with this config, in a workspace that has nothing."""
    context = {
        "node": {"id": "step-1", "type": look.type, "name": "", "data": data},
        "presentation": look,
        "choices": Choices({kind: {} for kind in REFERENCED}, ["contact.created"], ["plan"], ["vip"]),
        "summary": summary_of(look.type, data),
    }
    html: str = engine.get_template(f"{look.folder}/{template}").render(**context)
    return html


def example_of(look: Presentation) -> dict[str, Any]:
    """The complete config that a type brings."""
    example: dict[str, Any] = json.loads((presentation.folder_on_disk(look.folder) / "example.json").read_text())
    return example


def config_fields(config: type[msgspec.Struct]) -> set[str]:
    """The names of a config's fields in stored documents, without aliases that are only accepted."""
    hints = msgspec.structs.fields(config)
    return {field.encode_name for field in hints if not is_left_out(field.type)}


def fault_of(engine: FragmentEngine, look: Presentation, config: type[msgspec.Struct]) -> str:
    """What is wrong with the templates of a type; empty when they work."""
    for template in ("card.html", "form.html"):
        for data in (example_of(look), look.defaults):
            try:
                html = rendered(engine, look, template, data)
            except Exception as error:  # whatever a template does, it is that type's fault
                return f"{look.folder}/{template} cannot be shown: {str(error).rstrip('.')}."
            if template == "form.html":
                names = {name.split(".")[0] for name in FormControls(html).names} - NODE_FIELDS
                if odd := sorted(names - config_fields(config)):
                    return f"{look.folder}/form.html asks for {', '.join(odd)}, which the Config does not have."
    return ""


def _all() -> Iterator[tuple[Presentation, type[msgspec.Struct]]]:
    for name, look in presentation.steps().items():
        yield look, registry.get(name).Config
    for name, look in presentation.triggers().items():
        kind = trigger_registry.find(name)
        if kind is not None:
            yield look, kind.Config


def check_types(engine: FragmentEngine) -> None:
    """Refuse the types whose templates do not work, and log everything that is not installed."""
    for look, config in _all():
        if fault := fault_of(engine, look, config):
            presentation.refuse(look.folder, fault)
    for name, look in presentation.steps().items():
        number = registry.get(name).sends
        if number is not None and channels.known(number) is None:
            presentation.refuse(
                look.folder,
                gettext("It sends by %(word_of)s, which is not installed.", word_of=channels.word_of(number)),
            )
    for name, reason in presentation.refusals().items():
        log.warning("type.not_installed", type=name, reason=reason)
