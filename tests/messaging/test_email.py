"""A mail as bytes: headers that cannot be broken into, both alternatives, letters of any language."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import pytest

from app.lib.addresses import BadAddress, wire_address
from app.mailbox.opened_mail import opened
from app.messaging.channels.email import plain_text
from app.messaging.channels.email.mime import MailHeaders, build
from app.messaging.channels.message_ids import wire_message_id
from app.messaging.channels.parts import Parts
from app.messaging.channels.unsubscribe_link import Unsubscribe, unsubscribe_url

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def envelope(**change: Any) -> MailHeaders:
    values = {
        "message_id": "<1.2@throughline>", "sender": "shop@example.com", "sender_name": "The Shop", "reply_to": "",
        "recipient": "zoe@example.com", "unsubscribe_url": "", "at": AT,
    }  # fmt: skip
    return MailHeaders(**{**values, **change})


def parsed(parts: Parts, **change: Any) -> tuple[EmailMessage, bytes]:
    raw = build(envelope(**change), parts)
    return email.message_from_bytes(raw, _class=EmailMessage, policy=email.policy.default), raw


def test_both_alternatives_text_first() -> None:
    mail, raw = parsed(Parts("Hi", "<p>rich</p>", "plain"))
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert b"\r\n" in raw and b"\n" not in raw.replace(b"\r\n", b"")
    assert mail["Date"] == "Sun, 01 Mar 2026 12:00:00 +0000"


def test_headers_cannot_be_broken_into() -> None:
    mail, _ = parsed(
        Parts("Hi\r\nBcc: x@y.example\r\n\r\n<b>", "", "t"), sender_name="A\r\nBcc: z@y.example", reply_to="r@x.example"
    )
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Hi Bcc: x@y.example <b>"
    assert mail["From"].addresses[0].display_name == "A Bcc: z@y.example"


@pytest.mark.parametrize(
    "address",
    [
        "a@b\r\nBcc: x@y.example",
        "a b@c.example",
        "<a@b.example>",
        "nobody",
        "@x",
        "x@",
        "",
        "a@b..example",
        "a\x00@b.example",
        "a(comment)@b.example",
        "a,c@b.example",
        "a@b@c.example",
        "a@[127.0.0.1]",
    ],
)
def test_bad_addresses_are_refused(address: str) -> None:
    with pytest.raises(BadAddress):
        wire_address(address)


def test_letters_of_any_language() -> None:
    subject, name = "Ω ✓ 日本語 " + "längeres Wort " * 20, "Zoë “Ω” Müller, Jr."
    mail, raw = parsed(Parts(subject, "<p>日本語 €</p>", "Grüße, 日本語"), sender_name=name)
    assert raw.isascii(), "every mail server can take it"
    assert mail["Subject"] == subject.strip()
    assert mail["From"].addresses[0].display_name == name
    assert mail.get_body(("plain",)).get_content() == "Grüße, 日本語\r\n"  # type: ignore[union-attr]
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


def test_addresses_beyond_ascii() -> None:
    assert wire_address("zoe@bücher.example") == "zoe@xn--bcher-kva.example"
    _, raw = parsed(Parts("s", "", "t"), recipient=wire_address("zoë@example.com"))
    assert "To: zoë@example.com\r\n".encode() in raw
    assert opened(raw).to == "zoë@example.com"


def test_very_long_lines_are_folded() -> None:
    _, raw = parsed(Parts("s", "<p>" + "x" * 5000 + "</p>", "y" * 5000))
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


def test_one_click_unsubscribe_stays_one_plain_line() -> None:
    run_id = uuid4()
    url = unsubscribe_url(Unsubscribe(7, uuid4(), run_id, 2, "a topic with a name that is rather long"))
    mail, raw = parsed(Parts("s", "", "t"), unsubscribe_url=url, message_id=wire_message_id(run_id, 2))
    assert f"List-Unsubscribe: <{url}>\r\n".encode() in raw
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Message-ID"] == f"<{run_id}.2@throughline>"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo\n"),
        ("<h1>T</h1><ul><li>a</li><li>b</li></ul>", "T\n\n- a\n- b\n"),
        ('<a href="https://x.example">Shop</a> now', "Shop (https://x.example) now\n"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example\n"),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example\n"),
        ('<a href="#top">Up</a>', "Up\n"),
        ("<style>p{}</style><title>t</title><p>seen</p><script>x</script>", "seen\n"),
        ('<div style="display: none">preview <b>line</b><br></div><p>seen</p>', "seen\n"),
        ("a&nbsp;b &amp; &euro;<br>c", "a b & €\nc\n"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n\n3\n"),
        ('<img src="x" alt="A picture"><hr>end', "A picture\n\n---\n\nend\n"),
        ("<p>never closed <b>x", "never closed x\n"),
        ("", "\n"),
    ],
)
def test_html_reads_as_text(html: str, text: str) -> None:
    assert plain_text.of_html(html) == text


def test_text_shows_as_html() -> None:
    html = plain_text.as_html("Hi <Zoé>,\nsee https://x.example/a?b=1&c=2.\n\nBye")
    assert (
        '<p>Hi &lt;Zoé&gt;,<br>\nsee <a href="https://x.example/a?b=1&amp;c=2">https://x.example/a?b=1&amp;c=2</a>.</p>'
        in html
    )
    assert "<p>Bye</p>" in html
