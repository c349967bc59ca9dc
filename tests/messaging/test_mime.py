"""The fast way of building a mail writes what the email package writes, byte for byte, whatever stands in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.lib.addresses import BadAddress, wire_address
from app.messaging.channels.email import mime
from app.messaging.channels.email.mime import MailHeaders, build, build_by_package
from app.messaging.channels.message_ids import wire_message_id
from app.messaging.channels.parts import Parts

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_BOUNDARY = re.compile(rb"={15}\d+==")

WORDS = [
    "Hi Zoe", "", " ", "  padded  ", "Ω ✓ 日本語", "längeres Wort " * 30, "x" * 901, "x" * 799, "x" * 800, "x" * 801,
    "word " * 250, "=?utf-8?q?trick?=", "=?utf-8?b?VHJpY2s=?= and more", "a=?b", "tab\tinside", "line\r\nBcc: x@y.example",
    "line\nbreak", "\x00\x01\x7f", "vertical\x0btab \x0c feed", "next\x85line", "\u2028 \u2029 \xa0",
    "Re: [list] (comment) <angle> \"quoted\" 'single'", "semi; colon: comma,", "back\\slash", "%s %d {name} {{ liquid }}",
    "🎉 party 👩‍👩‍👧", "e\u0301 combining", "\ufeffbom", "trailing =", "=20", "_underscored_", "?", ".", "..", "-", "--",
    "--==", "100 % off – now!", "\u202eright to left", "שלום", "ａ wide", "\ud7ff\ue000\ufffd", "a" * 75 + " " + "b" * 75,
]  # fmt: skip
BODIES = [
    "plain\n", "", "\n", "\n\n\n", "no end", "a\r\nb\r\n", "a\rb", "a\n\n\nb\n", ".\n.\n..\n", "From here\nFrom there\n",
    " leading\ntrailing \n", "tab at the end\t\nblank \n", "x" * 900, "x" * 901, ("x" * 899 + "\n") * 3, "y" * 5000,
    "Grüße, 日本語", "é" * 2000, "日本語 €\n" * 50, ("ascii line\n" * 30) + "é", ("é\n" * 11), ("é\n" * 10), ("é\n" * 9),
    "é" + "x" * 950 + " \n", "=\n==\n=20\n", "<p>Hello</p>\n" * 200, "\x0b\x0c\x1c\x1d\x1e\x85", "\x00", "a\x85b\u2028c\n",
    "é \n" * 20, "é\t", "--boundary--\n", "🎉" * 300, "mixed é " * 200, "\ufeff<p>",
]  # fmt: skip


def envelope(**change: Any) -> MailHeaders:
    values = {
        "message_id": wire_message_id(UUID(int=7), 2), "sender": "shop@example.com", "sender_name": "The Shop", "reply_to": "",
        "recipient": "zoe@example.com", "unsubscribe_url": "https://x.example/u/eyJ0.abc_-", "at": AT,
    }  # fmt: skip
    return MailHeaders(**{**values, **change})


def _same(headers: MailHeaders, parts: Parts) -> None:
    own, packages = build(headers, parts), build_by_package(headers, parts)
    assert _BOUNDARY.sub(b"B", own) == _BOUNDARY.sub(b"B", packages)
    assert len(own) == len(packages), "a boundary has one length"


@pytest.mark.parametrize("words", WORDS)
def test_subjects_and_names_are_written_as_the_package_writes_them(words: str) -> None:
    _same(envelope(), Parts(words, "<p>rich</p>", "plain"))
    _same(envelope(sender_name=words), Parts("s", "<p>rich</p>", "plain"))


@pytest.mark.parametrize("body", BODIES)
def test_bodies_are_written_as_the_package_writes_them(body: str) -> None:
    _same(envelope(), Parts("s", "<p>rich</p>", body))
    _same(envelope(), Parts("s", body, "plain"))


ADDRESSES = [
    "zoe@example.com", "a+b.c-d_e@xn--bcher-kva.example", '"a b"@example.com', "o'neil@example.com",
    "a+b/c=d{e}@example.com", "a..b@example.com", ".a@example.com", "a.@example.com", "A@EXAMPLE.com",
    "x" * 64 + "@" + "y" * 60 + ".example", "zoë@example.com", "用户@example.org", "x" * 900 + "@example.com", "a@localhost",
    "!#$%&*@example.com", "a@b_c.example", "1@2.3",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses_are_written_as_the_package_writes_them(address: str) -> None:
    address = wire_address(address)
    for place in ("recipient", "sender", "reply_to"):
        if place == "reply_to" and not address.isascii():
            continue  # the package refuses it, and so does a step that names such a one
        _same(envelope(**{place: address}), Parts("s", "<p>rich</p>", "plain"))


@pytest.mark.parametrize("size", [10, 700, 790, 800, 801, 900, 2000])
def test_long_links_and_other_zones(size: int) -> None:
    _same(envelope(unsubscribe_url="https://x.example/" + "u" * size), Parts("s", "<p>h</p>", "t"))
    _same(envelope(unsubscribe_url="", at=AT + timedelta(days=size, seconds=size)), Parts("s", "<p>h</p>", ""))


anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
lines = st.lists(anything, max_size=14).map("\n".join) | st.lists(st.sampled_from(BODIES + WORDS), max_size=6).map(
    "\n".join
)


@given(subject=anything | st.sampled_from(WORDS), name=anything | st.sampled_from(WORDS), html=lines, text=lines)
@example(subject="a\x1cb", name="\x1f", html="\x1d", text="\x1e")
def test_whatever_stands_in_a_mail(subject: str, name: str, html: str, text: str) -> None:
    _same(envelope(sender_name=name), Parts(subject, html, text))


@given(st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0x200), max_size=30))
def test_whatever_a_mail_goes_to(address: str) -> None:
    try:
        recipient = wire_address(address + "@example.com")
    except BadAddress:
        return
    _same(envelope(recipient=recipient), Parts("s", "<p>rich</p>", "plain"))


def test_a_boundary_stands_in_no_body(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter([5, 5, 6])
    monkeypatch.setattr(mime.random, "randrange", lambda _: next(numbers))
    used = mime._BOUNDARY % 5
    raw = build(envelope(), Parts("s", f"<p>{used}</p>", used))
    assert raw.count(mime._BOUNDARY.encode() % 6) == 4


def test_half_a_character_is_refused_by_both() -> None:
    for parts in (Parts("s", "<p>\ud800</p>", "t"), Parts("\ud800", "<p>h</p>", "t")):
        with pytest.raises(UnicodeEncodeError):
            build_by_package(envelope(), parts)
        with pytest.raises(UnicodeEncodeError):
            build(envelope(), parts)
