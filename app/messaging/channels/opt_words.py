"""Words by which people stop messages to their phone and begin them again, as carriers and providers know them."""

from __future__ import annotations

from typing import Literal

STOP = frozenset({"STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "OPT OUT"})
START = frozenset({"START", "UNSTOP"})
OptWord = Literal["stop", "start", ""]


def opt_word(text: str) -> OptWord:
    """What a reply that consists of one of these words asks for; empty for every other."""
    word = " ".join(text.upper().strip(" .!\"'\n\t").split())
    return "stop" if word in STOP else "start" if word in START else ""
