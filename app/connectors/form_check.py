"""Do the forms of connector types work? Each is rendered once, at start, with the example of its type.

A type whose form asks for what its settings do not have, or leaves one out, is not offered; a sentence says what to mend.
"""

from __future__ import annotations

import structlog

from app.messaging.channels import presentation
from app.messaging.channels.connector import ConnectorType
from app.messaging.channels.presentation import ConnectorFolder
from app.web.form_controls import FormControls
from app.web.fragments import FragmentEngine

log = structlog.get_logger()


def rendered(engine: FragmentEngine, one: ConnectorFolder, template: str, *, local: bool = False) -> str:
    """`form.html` or `help.html` of a type for a new connector with the settings of its example."""
    context = {
        "given": {**dict.fromkeys(one.kind.fields(), ""), **one.example},
        "errors": {},
        "choices": one.kind.form.choices,
        "local": local,
        "shown": None,
        "redirect_url": "https://example.com",
        "off": {},
        "kind": one.kind,
    }
    html: str = engine.get_template(f"{one.folder}/{template}").render(**context)
    return html


def fault_of(engine: FragmentEngine, one: ConnectorFolder) -> str:
    """What is wrong with the templates of a type; empty when they work."""
    for template in presentation.TEMPLATES:
        try:
            html = rendered(engine, one, template)
        except Exception as error:  # whatever a template does, it is that type's fault
            return f"{one.folder}/{template} cannot be shown: {str(error).rstrip('.')}."
        if template == presentation.FORM and (fault := _fields_fault(one.kind, html)):
            return f"{one.folder}/{template} {fault}"
    return ""


def _fields_fault(kind: type[ConnectorType], html: str) -> str:
    names, fields = FormControls(html).names, set(kind.fields())
    if odd := sorted(names - fields):
        return f"asks for {', '.join(odd)}, which the Config does not have."
    missing = [name for name in kind.fields() if name not in names]
    return f"does not ask for {', '.join(missing)}." if missing else ""


def check_connectors(engine: FragmentEngine) -> None:
    """Refuse the connector types whose templates do not work, and log everything that is not installed."""
    for name, one in presentation.installed().items():
        if fault := fault_of(engine, one):
            presentation.refuse(name, fault)
    for name, reason in presentation.refusals().items():
        log.warning("type.not_installed", type=name, reason=reason)
