"""Do the templates of step and trigger types work? Every form and card is rendered once, at start, with the example of its type.

A type whose form asks for what its config does not have, or whose templates fail, is not installed; a sentence says what to mend.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import msgspec
import structlog

from app.builder.form_options import Choices
from app.flow import presentation, registry, trigger_registry
from app.flow.node_words import summary_of
from app.flow.presentation import Presentation
from app.lib.field_errors import is_left_out
from app.web.fragments import FragmentEngine
from app.workflows.repository import REFERENCED

log = structlog.get_logger()
VOID = {"input", "img", "br", "hr", "path", "circle", "use", "line", "rect"}
NODE_FIELDS = {"retry"}
"""Fields that a form writes beside the config: they belong to the node, not to the type."""


class FormControls(HTMLParser):
    """Names of the controls of a form as forms.js reads them, names of lists and maps among them; and controls without a label."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self._labels: set[str] = set()
        self._rows = 0
        self._open: list[tuple[str, bool]] = []
        self._pending: list[tuple[str, str]] = []
        self.feed(source)
        self.unlabelled = [name for identifier, name in self._pending if identifier not in self._labels]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        holder = "data-list" in given or "data-map" in given or tag == "template"
        if self._rows == 0 and (name := given.get("data-list") or given.get("data-map")):
            self.names.add(name)
        if tag == "label":
            self._labels.add(given.get("for", ""))
        if tag in ("input", "select", "textarea") and given.get("type") != "hidden":
            inside_label = any(name == "label" for name, _ in self._open)
            if "aria-label" not in given and not inside_label:
                self._pending.append((given.get("id", ""), given.get("name", "")))
            if self._rows == 0 and given.get("name"):
                self.names.add(given["name"])
        if tag not in VOID:
            self._open.append((tag, holder))
            self._rows += holder

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        while self._open and tag not in VOID:
            name, holder = self._open.pop()
            self._rows -= holder
            if name == tag:
                break


def rendered(engine: FragmentEngine, look: Presentation, template: str, data: dict[str, Any]) -> str:
    """`card.html` or `form.html` of a type for a step with this config, in a workspace that has nothing."""
    context = {
        "node": {"id": "step-1", "type": look.type, "name": "", "data": data},
        "presentation": look,
        "choices": Choices({kind: {} for kind in REFERENCED}, ["contact.created"], ["plan"], ["vip"], []),
        "summary": summary_of(look.type, data),
    }
    html: str = engine.get_template(f"{look.folder}/{template}").render(**context)
    return html


def example_of(look: Presentation) -> dict[str, Any]:
    """The complete config that a type brings."""
    example: dict[str, Any] = json.loads((presentation.place_of(look.folder) / "example.json").read_text())
    return example


def config_fields(config: type[msgspec.Struct]) -> set[str]:
    """The names by which a config's fields stand in documents, without those that are only accepted."""
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
    for name, reason in presentation.refusals().items():
        log.warning("type.not_installed", type=name, reason=reason)
