"""What providers of HTTP APIs do in tests: check each request as their documentation states it, and play back what it says they answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.fixtures.http_server import Asked, Reply, recording


@dataclass
class Taken:
    """A mail as the provider understood it."""

    reference: str
    sender: str
    recipient: str
    subject: str
    html: str
    text: str
    headers: dict[str, str] = field(default_factory=dict)
    reply_to: str = ""


class FakeProvider:
    """A provider on this machine. `script` says what it does with the next requests; without a word it takes them."""

    type: str
    """Of the connector."""
    secret: str
    """What signs in."""
    bad_address = "bad_address"
    """The word by which a recipient that it refuses ends."""
    judges_sender = True
    """Does it refuse senders that it does not know?"""
    waits = (100, 140)
    """Seconds for which it is left alone after `limit 120`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.taken: list[Taken] = []
        self.asked: list[Asked] = []
        self.faults: list[str] = []
        """What in requests was not as documented."""
        self.script: list[str] = []
        self.ids: list[str] = []
        """What it called the messages that it took."""

    def config(self) -> dict[str, Any]:
        """Settings of a connector to it, with the secret."""
        raise NotImplementedError

    def read(self, asked: Asked) -> Taken:
        """The mail of a request. Asserts what the documentation demands."""
        raise NotImplementedError

    def signed_in(self, asked: Asked) -> bool:
        """Does the request bear the key?"""
        raise NotImplementedError

    def took(self, number: int) -> Reply:
        """The answer to the mail of this number, and its id in `ids`."""
        raise NotImplementedError

    def refuses(self, act: str) -> Reply:
        """The documented answer for: key, sender, address, content, limit, limit 120, down, between."""
        raise NotImplementedError

    def answer(self, asked: Asked) -> Reply:
        """What it says to one request."""
        act = self.script.pop(0) if self.script else "take"
        self.asked.append(asked)
        if act == "key" or not self.signed_in(asked):
            return self.refuses("key")
        try:
            mail = self.read(asked)
        except AssertionError as error:
            self.faults.append(str(error))
            raise
        if act not in ("take", "cut", "hang"):
            return self.refuses(act)
        self.taken.append(mail)
        reply = self.took(len(self.taken))
        if act == "cut":
            return Reply(cut=True)
        if act == "hang":
            reply.after_s = 20.0
        return reply


@contextmanager
def running(kind: type[FakeProvider]) -> Iterator[FakeProvider]:
    """One that listens."""
    with recording() as recorder:
        provider = kind(recorder.url)
        recorder.answer = provider.answer
        yield provider
        assert provider.faults == []
