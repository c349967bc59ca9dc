"""A second channel as somebody else would write it: one folder, with a provider in memory that follows a script."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.messaging.channels import presentation, registry
from tests.fixtures.plugins import plugins_in

INSTALLED = ["email", "sms", "whatsapp", "push"]
"""The channels of the product."""
SOURCE = '''
"""Pagers: short texts to the phone of a contact."""

from typing import Annotated

import msgspec

from app.messaging.channels import registry
from app.messaging.channels.channel import ChannelType, Composed
from app.messaging.channels.connector import ConnectorForm, ConnectorSummary, ConnectorType, Sender
from app.messaging.channels.message_ids import message_id
from app.messaging.channels.result import Result

TAKEN = []      # (token, page) of each page that the provider took, also of those whose answer was lost
SCRIPT = []     # what it does to the next pages: busy, unknown, cut, down; it takes them when there is nothing
ASKED = []      # pages that it was offered


class Page(msgspec.Struct, frozen=True):
    id: str
    recipient: str
    text: str


class PagerConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    token: Annotated[str, msgspec.Meta(min_length=1)]
    signature: str = ""


class PagerSender(Sender, frozen=True):
    signature: str


class Provider:
    async def send(self, server, packet, begin=None):
        ASKED.append(packet)
        act = SCRIPT.pop(0) if SCRIPT else "take"
        if act == "down":
            return Result("unavailable", "Nobody answers.", "server_away", everyone=True)
        if act == "busy":
            return Result("deferred", "Come back later.", "deferred")
        if act == "unknown":
            return Result("rejected", "There is no such pager.", "bad_address")
        if begin is not None and not await begin():
            return Result("withheld", "")
        TAKEN.append((server, packet))
        if act == "cut":
            return Result("uncertain", "It hung up before it answered.", "unconfirmed")
        return Result("sent", "Beep.")

    async def close(self):
        pass


class PagerConnector(ConnectorType):
    type, label, Config = "pager", "Pager service", PagerConfig
    secret, secret_word = "token", "token"
    form = ConnectorForm(title="Pager service", trial_title="Send a test page", trial_to="tel")

    @classmethod
    def view(cls, settings, *, has_secret):
        return {"signature": settings["signature"], "hasToken": has_secret}

    @classmethod
    def summary(cls, settings):
        return ConnectorSummary(place="pager.example", sender=settings["signature"])

    @classmethod
    def sender(cls, connector_id, settings, secret):
        return PagerSender(connector_id, secret, settings["signature"])

    @classmethod
    def transport(cls, deadline_s=None):
        return Provider()


@registry.channel
class PagerChannel(ChannelType):
    type, number, label, noun, icon = "pager", 100, "Pager", "page", "bell"
    identifier = "phone"
    connectors = (PagerConnector,)

    @classmethod
    def is_address(cls, text):
        return text.startswith("+")

    @classmethod
    def compose(cls, letter, sender):
        text = cls.render(letter.source, letter.data).text
        to = cls.wire(letter.contact["phone"])
        return Composed(text[:40], Page(message_id(letter.run_id, letter.seq), to, f"{text} {sender.signature}".strip()))

    @classmethod
    def sample(cls, parts, sender, recipient):
        return Page("test", recipient, parts.text)
'''


FILES = {
    "form.html": """
{{ ui.field("token", "Token", given.token, type="password", error=errors.token, attrs=dict({"autocomplete": "off"}, **off)) }}
{{ ui.field("signature", "Signature", given.signature, error=errors.signature, optional=true, attrs=off) }}
""",
    "help.html": "<p>Pages leave one after another.</p>",
    "example.json": '{"token": "a long one", "signature": "- Shop"}',
}


def write_pager(directory: Path) -> None:
    """The channel, into a plugin directory."""
    folder = directory / registry.PLUGINS / "pager"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(SOURCE)
    place = directory / "frontend" / "channels" / "pager" / "pager"
    place.mkdir(parents=True)
    for name, text in FILES.items():
        (place / name).write_text(text)


@contextmanager
def installed(directory: Path) -> Iterator[Any]:
    """The module of the channel, written into `directory` and on the list as long as this lasts."""
    write_pager(directory)
    with plugins_in(directory):
        assert registry.failures() == {} and presentation.refusals() == {}
        yield sys.modules["throughline_plugins.channels.pager"]
