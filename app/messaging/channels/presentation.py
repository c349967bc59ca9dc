"""How connectors are set up: `frontend-nodes/channels/<channel>/<connector type>/`, or `frontend/channels/…` of plugins; of services
`frontend-nodes/services/<connector type>/`.

A folder holds the files of `FILES`. A connector type whose folder is not complete is not offered to anybody who adds one, and `refusals`
has a sentence that names what is missing. What was set up before goes on to send: delivery needs no folder.
"""

from __future__ import annotations

import functools
import json
from typing import Any

import msgspec

from app.flow.presentation import folder_on_disk, shown
from app.messaging.channels import registry
from app.messaging.channels.connector import ConnectorType

FORM, HELP = "form.html", "help.html"
TEMPLATES = (FORM, HELP)
FILES = {
    FORM: "the fields of the form, by macros of `components/ui.html`; names of controls are names of `Config` fields",
    HELP: "how messages leave, in the box beside the form",
    "example.json": "complete, valid settings: tests and documentation use them",
}
"""Every file of the folder of a connector type, and what it is."""


class ConnectorFolder(msgspec.Struct, frozen=True):
    """What a connector type brings for people. `folder` is its name for Jinja."""

    kind: type[ConnectorType]
    folder: str
    example: dict[str, Any]


_refused: dict[str, str] = {}
"""Connector type → why it is not offered, as far as it was found out."""


def folder_of(kind: type[ConnectorType]) -> str:
    """`channels/email/smtp`: below `frontend-nodes`, or `frontend` of the plugin directory."""
    if registry.is_service(kind.type):
        return f"services/{kind.type}"
    return f"channels/{registry.channel_of(kind.type).type}/{kind.type}"


def _read(kind: type[ConnectorType]) -> ConnectorFolder | None:
    """What the folder of a type holds; None, with the reason kept, when it is not complete."""
    folder = folder_of(kind)
    place = folder_on_disk(folder)
    if missing := [name for name in FILES if not (place / name).is_file()]:
        _refused[kind.type] = f"{shown(place)}/{missing[0]} is missing."
        return None
    try:
        example = json.loads((place / "example.json").read_text())
        msgspec.convert(example, kind.Config)
    except (ValueError, OSError) as error:
        _refused[kind.type] = f"{shown(place)}/example.json holds no settings of this type: {error}."
        return None
    return ConnectorFolder(kind, folder, example)


@functools.cache
def _all() -> dict[str, ConnectorFolder]:
    folders = [_read(kind) for kind in registry.connector_types().values()]
    return {presentation.kind.type: presentation for presentation in folders if presentation is not None}


def installed() -> dict[str, ConnectorFolder]:
    """The connector types that can be added, by name, those of the first channel first."""
    return {name: one for name, one in _all().items() if name not in _refused}


def refuse(name: str, reason: str) -> None:
    """Offer a type no more, because its templates do not work: only who renders them can find that out."""
    _refused[name] = reason


def refusals() -> dict[str, str]:
    """What is there and not installed: name of a channel's module or of a connector type → a sentence that says what to mend."""
    _all()
    return {**registry.failures(), **_refused}


def forget() -> None:
    """Read everything again at the next look, after channels came or went."""
    _refused.clear()
    _all.cache_clear()
