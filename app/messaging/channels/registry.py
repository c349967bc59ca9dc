"""The list of channels. A folder in `app/messaging/channels` with a module `channel.py`, or a module of the plugin
directory, is on it by being there.

Its class is marked with `@channel`. Two of one name or number are refused, because the tables
hold the number (docs/decisions/0039-a-channel-is-one-folder.md).
"""

from __future__ import annotations

import functools
import importlib
from pathlib import Path

import structlog

from app.flow import discovery
from app.lib.readings import quoted
from app.messaging import channels as package
from app.messaging.channels.channel import ChannelType, ConnectorType

OURS = range(1, 100)
PLUGINS = "channels"
"""Where they are below a plugin directory."""
HIGHEST = 32_767
"""A smallint holds no more."""
log = structlog.get_logger()
_channels: dict[str, type[ChannelType]] = {}


def channel(cls: type[ChannelType]) -> type[ChannelType]:
    """Put a channel on the list. Raises ValueError when its name, its number or one of its connector types is taken."""
    if not (cls.type.isidentifier() and cls.type.islower()):
        raise ValueError(f"The channel {cls.type!r} needs a name of small letters, such as 'pager'.")
    if not 1 <= cls.number <= HIGHEST:
        raise ValueError(f"The number of the channel {cls.type!r} has to be from 1 to {HIGHEST:,}.")
    if not cls.connectors:
        raise ValueError(f"The channel {cls.type!r} names no connector type, so nothing could leave by it.")
    for other in _channels.values():
        if other.type == cls.type:
            raise ValueError(f"Two channels are called {cls.type!r}.")
        if other.number == cls.number:
            raise ValueError(f"The channels {other.type!r} and {cls.type!r} both have the number {cls.number}.")
        if taken := {kind.type for kind in other.connectors} & {kind.type for kind in cls.connectors}:
            raise ValueError(f"The channels {other.type!r} and {cls.type!r} both have a connector type {min(taken)!r}.")
    if cls.number in OURS and not cls.__module__.startswith(f"{package.__name__}."):
        raise ValueError(
            f"The number of the channel {cls.type!r} has to be {OURS.stop} or more: those below are the product's."
        )
    _channels[cls.type] = cls
    return cls


def remove(cls: type[ChannelType]) -> None:
    """Take a channel off the list; its stored messages and connectors stay."""
    _channels.pop(cls.type, None)


@functools.cache
def _discover() -> None:
    for folder in sorted(Path(package.__file__ or "").parent.iterdir()):
        if (folder / "channel.py").is_file():
            importlib.import_module(f"{package.__name__}.{folder.name}.channel")
    if directory := discovery.plugin_folder():
        load(directory)


def load(directory: Path) -> dict[str, str]:
    """Put the channels of a plugin directory on the list, each a module or package below `channels/`.

    Name → why it could not be loaded, for those that could not; the others go on.
    """
    failures = discovery.load_plugins(directory, PLUGINS)
    for name, reason in failures.items():
        log.error("channel.not_loaded", channel=name, reason=reason)
    return failures


def channels() -> list[type[ChannelType]]:
    """All channels, by number."""
    _discover()
    return sorted(_channels.values(), key=lambda cls: cls.number)


def words() -> list[str]:
    """Their words, as the API knows them."""
    return [cls.type for cls in channels()]


def no_such(word: str) -> str:
    """The sentence for somebody who names a channel that there is not."""
    return f"There is no channel {quoted(word)}. Use one of {', '.join(words())}."


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
    cls = known(number)
    return cls.type if cls else f"channel {number}"


def connector_types() -> dict[str, type[ConnectorType]]:
    """All connector types by name."""
    return {kind.type: kind for cls in channels() for kind in cls.connectors}


def connector_type(name: str) -> type[ConnectorType]:
    """The connector type called `name`. Raises KeyError."""
    return connector_types()[name]


def channel_of(connector: str) -> type[ChannelType]:
    """The channel that connectors of this type serve. Raises KeyError."""
    for cls in channels():
        if any(kind.type == connector for kind in cls.connectors):
            return cls
    raise KeyError(connector)
