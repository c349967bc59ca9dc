"""Every channel and connector type is complete: a class, a folder, a form whose fields are its settings, words for every page.

A new channel is covered by being there; `check_channel` is what a channel of a plugin directory is driven by too.
"""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from app.builder import canvas
from app.connectors.form_check import fault_of, rendered
from app.connectors.service import settings_of
from app.flow import discovery
from app.flow.presentation import folder_on_disk
from app.messaging.channels import presentation, registry
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.connector import ConnectorSummary, ConnectorType
from app.messaging.channels.filling import PartError
from app.messaging.channels.parts import Parts
from app.web.form_controls import FormControls
from app.web.fragments import FragmentEngine
from tests.messaging.pager import installed

ROOT = Path(__file__).resolve().parents[2]
CONNECTOR = UUID(int=7)
CHANNELS = registry.channels()
CONNECTORS = list(registry.connector_types().values())
EVERY_PART = Parts("Hi {{ contact.name }}", "<p>Hi {{ contact.name }}</p>", "Hi {{ contact.name }}")
FREE: dict[str, dict[str, str]] = {"whatsapp": {"kind": "text"}}
"""Content with which the text of a template is Liquid; where it is so anyway, none."""
SPRITE = (ROOT / "app" / "static" / canvas.SPRITE.removeprefix("/static/")).read_text()


def engine() -> FragmentEngine:
    folders = discovery.frontend_folders(discovery.plugin_folder())
    made = FragmentEngine(directory=[ROOT / "app" / "templates", *folders])
    canvas.teach(made)
    return made


def test_every_channel_is_installed() -> None:
    assert presentation.refusals() == {}
    assert set(presentation.installed()) == {kind.type for kind in CONNECTORS}


def test_every_folder_has_a_connector_type() -> None:
    places = [*discovery.PRODUCT_FRONTEND.glob("channels/*/*"), *discovery.PRODUCT_FRONTEND.glob("services/*")]
    folders = [path for path in places if path.is_dir()]
    known = {presentation.folder_of(kind) for kind in CONNECTORS}
    assert {str(path.relative_to(discovery.PRODUCT_FRONTEND)) for path in folders} == known
    odd = [path for folder in known for path in folder_on_disk(folder).iterdir() if path.name not in presentation.FILES]
    assert not odd, "files that nobody reads"


def check_channel(channel: type[ChannelType]) -> None:
    """What a channel says of itself is whole, in words, and does what the others ask of it."""
    assert f'id="i-{channel.icon}"' in SPRITE, "a name of the product's icons"
    for word in (channel.label, channel.noun, channel.arrived, channel.look_up, channel.not_an_address):
        assert word.strip() == word != "" and not re.search(r"None|[{}<>_]", word), word
    assert channel.label[0].isupper()
    assert channel.noun[0].islower() or channel.noun.startswith(f"{channel.label} "), "a name keeps its capital"
    assert channel.arrived.endswith(".") and channel.not_an_address.endswith(".") and channel.look_up[-1].isalpha()
    assert channel.counted(1) == f"1 {channel.noun}" and channel.counted(2) != channel.counted(1)
    nobody: dict[str, None] = dict.fromkeys(("email", "phone", "external_id"))
    assert channel.address_of(nobody) is None, "a contact without an address has none"
    free = FREE.get(channel.type, {})
    filled = channel.render(msgspec.structs.replace(EVERY_PART, content=free), {"contact": {"name": "Zoé"}})
    for part in channel.parts:
        assert "Zoé" in getattr(filled, part), part
    with pytest.raises(PartError):
        channel.render(Parts("{{ x | nothing }}", "{{ x | nothing }}", "{{ x | nothing }}", free), {})
    if channel.Content is not None:
        assert msgspec.convert({}, channel.Content) == channel.Content(), "complete by its defaults"
        assert {path.split(".")[1] for path in channel.content_words} == {
            field.encode_name for field in msgspec.structs.fields(channel.Content)
        }, "people read a word for each"
    for text in ("", "   ", "\x00", "a" * 5_000):
        assert isinstance(channel.comparable(text), str), "the list asks about whatever somebody wrote"


def check_connector(kind: type[ConnectorType]) -> None:
    """Its form asks for exactly its settings, its example is valid, and what others show of it is in words and without the secret."""
    folder = presentation.installed()[kind.type]
    templates = engine()
    assert fault_of(templates, folder) == ""
    html = rendered(templates, folder, "form.html")
    assert FormControls(html).names == set(kind.fields()) and FormControls(html).unlabelled == []
    assert set(kind.form.words) | set(kind.form.choices) | set(kind.form.defaults) <= set(kind.fields())
    assert set(kind.numbers()) <= set(kind.fields())
    for word in (kind.label, kind.form.title, kind.form.place, kind.form.trial_title, kind.form.trial_taken):
        assert word.strip() == word != "", word
    assert rendered(templates, folder, "help.html").strip()
    given = settings_of(kind.Config, folder.example)
    assert set(folder.example) == set(kind.fields()), "an example leaves nothing out"
    secret, callback_secret = given.pop(kind.secret, ""), given.pop(kind.callback_secret, "")
    settings = kind.checked(given)
    assert settings_of(kind.Change, {}) == {}, "a change may leave everything as it is"
    view = msgspec.to_builtins(kind.view(settings, has_secret=bool(secret)))
    summary = kind.summary(settings)
    assert isinstance(summary, ConnectorSummary) and summary.place
    assert not secret or secret not in f"{view}{summary}"
    assert not callback_secret or callback_secret not in f"{view}{summary}"
    assert set(kind.fields()) - {kind.secret, kind.callback_secret} <= set(view), "what was set can be read back"
    assert bool(kind.callback_hint) == kind.reports
    sender = kind.sender(CONNECTOR, settings, secret)
    assert sender.id == CONNECTOR and hash(sender.server) == hash(kind.sender(CONNECTOR, settings, secret).server)
    if registry.is_service(kind.type):
        assert kind.noun.strip() == kind.noun != ""
        return
    channel = registry.channel_of(kind.type)
    assert channel.sample(Parts("A test", "", "It works."), sender, folder_recipient(channel)).recipient


def folder_recipient(channel: type[ChannelType]) -> str:
    """An address of the channel."""
    return {"email": "ada@example.com", "phone": "+4930555000", "external_id": "ada-1"}[channel.identifier]


@pytest.mark.parametrize("channel", CHANNELS, ids=registry.words())
def test_a_channel_says_all_of_itself(channel: type[ChannelType]) -> None:
    check_channel(channel)


@pytest.mark.parametrize("kind", CONNECTORS, ids=[kind.type for kind in CONNECTORS])
def test_a_connector_type_says_all_of_itself(kind: type[ConnectorType]) -> None:
    check_connector(kind)


def test_one_that_comes_along_is_driven_alike(tmp_path: Path) -> None:
    with installed(tmp_path) as module:
        check_channel(module.PagerChannel)
        check_connector(module.PagerConnector)
