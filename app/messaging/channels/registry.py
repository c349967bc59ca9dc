"""The list of channels. A folder in `app/messaging/channels` with a module `channel.py`, a module of the plugin directory, or one that an
installed package names, is found automatically.

A folder with a module `service.py` brings a connector type without a channel, marked with `@service`: calls of steps leave by it.
The class of a channel is marked with `@channel`. One that does not say all that a channel says is refused, and two of one name or number,
because the tables hold the number (docs/decisions/0039-a-channel-is-one-folder.md). How its forms look is checked by `presentation`.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from app.flow import discovery, plugin_packages
from app.lib.conversions import quoted
from app.lib.translation import countable, gettext, translatable
from app.messaging import channels as package
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.connector import ConnectorType, change_of_config
from app.messaging.channels.service import ServiceType

OURS = range(1, 100)
PLUGINS = "channels"
"""Where they are below a plugin directory."""
SERVICE, SERVICE_WORD = 0, "service"
"""What stands in rows in place of a channel's number for connectors of services, and its word."""
HIGHEST = 32_767
"""A smallint holds no more."""
SAYS = ("type", "number", "label", "noun", "icon", "identifier", "connectors")
"""Members that every channel has to say."""
DOES: dict[str, object] = {name: vars(ChannelType)[name].__func__ for name in ("compose", "sample")}
"""Its methods, with what the base does, which is nothing."""
CONNECTOR_SAYS = ("type", "label", "Config", "form")
CONNECTOR_DOES: dict[str, object] = {
    name: vars(ConnectorType)[name].__func__ for name in ("view", "summary", "sender", "transport")
}
"""The same of every connector type."""
log = structlog.get_logger()
_channels: dict[str, type[ChannelType]] = {}
_services: dict[str, type[ServiceType]] = {}
_failures: dict[str, str] = {}


def channel(cls: type[ChannelType]) -> type[ChannelType]:
    """Put a channel on the list. Raises ValueError for what is missing, or when its name, number or a connector type is taken."""
    _check_says(cls, f"The channel {cls.__name__}", SAYS, DOES)
    if not (cls.type.isidentifier() and cls.type.islower()):
        raise ValueError(f"The channel {cls.type!r} needs a name of small letters, such as 'pager'.")
    if not 1 <= cls.number <= HIGHEST:
        raise ValueError(f"The number of the channel {cls.type!r} has to be from 1 to {HIGHEST:,}.")
    if not cls.connectors:
        raise ValueError(f"The channel {cls.type!r} names no connector type, so nothing could leave by it.")
    for kind in cls.connectors:
        _complete(kind)
    _check_taken(cls)
    if cls.number in OURS and not cls.__module__.startswith(f"{package.__name__}."):
        raise ValueError(
            f"The number of the channel {cls.type!r} has to be {OURS.stop} or more: those below are the product's."
        )
    _channels[cls.type] = cls
    return cls


def service(cls: type[ServiceType]) -> type[ServiceType]:
    """Put a connector type without a channel on the list. Raises ValueError for what is missing, or when its name is taken."""
    _complete(cls)
    if cls.type in _services or any(kind.type == cls.type for other in _channels.values() for kind in other.connectors):
        raise ValueError(f"Two connector types are called {cls.type!r}.")
    _services[cls.type] = cls
    return cls


def _check_says(cls: type[Any], what: str, says: Sequence[str], does: Mapping[str, object]) -> None:
    """Raises ValueError that names the members and methods that are missing."""
    missing = [name for name in says if not hasattr(cls, name)]
    missing += [name for name, of_base in does.items() if getattr(getattr(cls, name), "__func__", None) is of_base]
    if missing:
        raise ValueError(f"{what} does not say its {', '.join(missing)}.")


def _complete(kind: type[ConnectorType]) -> None:
    """Check a connector type, and give it the `Change` that it does not say. Raises ValueError."""
    _check_says(kind, f"The connector type {kind.__name__}", CONNECTOR_SAYS, CONNECTOR_DOES)
    if kind.secret and kind.secret not in kind.fields():
        raise ValueError(f"The connector type {kind.type!r} has no field {kind.secret!r} for its secret.")
    if odd := sorted({"name", "type"} & set(kind.fields())):
        raise ValueError(f"A connector has a {odd[0]} of its own. Call that field of {kind.type!r} something else.")
    if not hasattr(kind, "Change"):
        kind.Change = change_of_config(kind)


def _check_taken(cls: type[ChannelType]) -> None:
    for other in _channels.values():
        if other.type == cls.type:
            raise ValueError(f"Two channels are called {cls.type!r}.")
        if other.number == cls.number:
            raise ValueError(f"The channels {other.type!r} and {cls.type!r} both have the number {cls.number}.")
        if shared_types := {kind.type for kind in other.connectors} & {kind.type for kind in cls.connectors}:
            raise ValueError(
                f"The channels {other.type!r} and {cls.type!r} both have a connector type {min(shared_types)!r}."
            )


def remove(cls: type[ChannelType]) -> None:
    """Take a channel off the list; its stored messages and connectors stay."""
    _channels.pop(cls.type, None)


@functools.cache
def _discover() -> None:
    for folder in sorted(Path(package.__file__ or "").parent.iterdir()):
        for module in ("channel", "service"):
            if (folder / f"{module}.py").is_file():
                importlib.import_module(f"{package.__name__}.{folder.name}.{module}")
    if directory := discovery.plugin_folder():
        load(directory)
    _note_failures(plugin_packages.load(PLUGINS))


def load(directory: Path) -> dict[str, str]:
    """Put the channels of a plugin directory on the list, each a module or package below `channels/`.

    Name → why it could not be loaded, for those that could not; the others go on.
    """
    return _note_failures(discovery.load_plugins(directory, PLUGINS))


def _note_failures(failures: dict[str, str]) -> dict[str, str]:
    _failures.update(failures)
    for name, reason in failures.items():
        log.error("channel.not_loaded", channel=name, reason=reason)
    return failures


def failures() -> dict[str, str]:
    """Modules that could not be loaded, each with a sentence that says why."""
    _discover()
    return dict(_failures)


def channels() -> list[type[ChannelType]]:
    """All channels, by number."""
    _discover()
    return sorted(_channels.values(), key=lambda cls: cls.number)


def words() -> list[str]:
    """Their words, as the API knows them."""
    return [cls.type for cls in channels()]


def no_such(word: str) -> str:
    """The sentence for somebody who names a channel that there is not."""
    return gettext("There is no channel %(word)s. Use one of %(words)s.", word=quoted(word), words=", ".join(words()))


def find(word: str) -> type[ChannelType] | None:
    """The channel called `word`, None when there is none (any more)."""
    _discover()
    return _channels.get(word)


def numbered(number: int) -> type[ChannelType]:
    """The channel whose number stands in a row. Raises KeyError when it is not installed (any more)."""
    for cls in channels():
        if cls.number == number:
            return cls
    raise KeyError(number)


def known(number: int) -> type[ChannelType] | None:
    """The channel whose number stands in a row, None when it is not installed (any more)."""
    return next((cls for cls in channels() if cls.number == number), None)


def word_of(number: int) -> str:
    """The word of a channel for people and programs, also of one that is not installed any more."""
    if number == SERVICE:
        return SERVICE_WORD
    cls = known(number)
    return cls.type if cls else f"channel {number}"


def common(numbers: Iterable[int] | None = None) -> type[ChannelType] | None:
    """The one channel of messages with these numbers, or of all that there can be; None when it may be one or another."""
    distinct_numbers = {cls.number for cls in channels()} if numbers is None else set(numbers)
    return known(distinct_numbers.pop()) if len(distinct_numbers) == 1 else None


class ChannelNotInstalled(ChannelType):
    """Stands for a channel that is not installed (any more), where pages show its messages."""

    type, number, label, noun, icon, identifier = (
        "unknown",
        0,
        translatable("Not installed"),
        countable("message"),
        "message-square",
        "external_id",
    )
    parts = ("subject", "html", "text")
    connectors = ()


def shown(channel: int | str) -> type[ChannelType]:
    """The channel with this number or word, for the words of pages; `ChannelNotInstalled` when there is none."""
    cls = known(channel) if isinstance(channel, int) else find(channel)
    return cls or ChannelNotInstalled


def connector_types() -> dict[str, type[ConnectorType]]:
    """All connector types by name."""
    return {kind.type: kind for cls in channels() for kind in cls.connectors} | dict(_services)


def is_service(name: str) -> bool:
    """Is it a connector type without a channel?"""
    _discover()
    return name in _services


def number_of(connector: str) -> int:
    """What stands in rows as the channel of connectors of this type. Raises KeyError."""
    return SERVICE if is_service(connector) else channel_of(connector).number


def connector_type(name: str) -> type[ConnectorType]:
    """The connector type called `name`. Raises KeyError."""
    return connector_types()[name]


def channel_of(connector: str) -> type[ChannelType]:
    """The channel that connectors of this type serve. Raises KeyError."""
    for cls in channels():
        if any(kind.type == connector for kind in cls.connectors):
            return cls
    raise KeyError(connector)
