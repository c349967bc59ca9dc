"""What servers say about when to come back, about quotas and about too many connections: in their own words."""

from __future__ import annotations

import pytest

from app.messaging.channels.email.smtp_answers import QUOTA_S, Stage, of_reply, stated_wait


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4.7.1 Greylisted, please try again in 5 minutes", 300),
        ("4.2.0 Greylisted, see http://postgrey.schweikert.ch/help/example.com.html; try again in 300 seconds", 300),
        ("4.7.1 Greylisting in action, please come back later in 00:04:59", 299),
        ("4.7.0 Rate limit, retry after 120", 120),
        ("4.7.1 Retry-After: 90s", 90),
        ("4.7.28 Quota exceeded, try again in 2 hours", 7200),
        ("4.3.2 Wait 1 h", 3600),
        ("4.7.0 Try again in 99 hours", 24 * 3600),
        ("4.7.1 Try again later", None),
        ("4.2.2 Mailbox full", None),
        ("4.7.1 Try again later. Client host [192.0.2.77] is busy", None),
        ("4.7.0 Please wait 0 seconds", None),
    ],
)
def test_stated_waits(text: str, seconds: float | None) -> None:
    assert stated_wait(text) == seconds


@pytest.mark.parametrize(
    ("stage", "reply", "kind", "everyone", "wait"),
    [
        ("mail", "452 4.5.3 Daily message quota exceeded", "unavailable", True, QUOTA_S),
        ("rcpt", "454 4.7.0 Throttling failure: Maximum sending rate exceeded", "unavailable", True, QUOTA_S),
        ("mail", "421 4.7.28 Our system has detected an unusual rate; rate limited, try again in 10 minutes", "unavailable", True, 600),
        ("text", "550 5.4.5 Daily user sending limit exceeded", "unavailable", True, QUOTA_S),
        ("rcpt", "550 Domain example.com has exceeded the max emails per hour (101/100) allowed", "unavailable", True, QUOTA_S),
        ("rcpt", "452 4.2.2 The recipient's mailbox is over quota", "deferred", False, None),
        ("rcpt", "450 4.2.1 The user you are trying to contact is receiving mail at a rate that is limited", "deferred", False, None),
        ("rcpt", "452 4.5.3 Too many recipients", "deferred", False, None),
        ("data", "552 5.3.4 Message size exceeds fixed limit", "rejected", False, None),
        ("rcpt", "552 5.2.2 Quota exceeded", "rejected", False, None),
        ("rcpt", "451 4.7.1 Greylisted, retry in 4 minutes", "deferred", False, 240),
    ],
)  # fmt: skip
def test_quotas_are_the_sender_s_and_full_mailboxes_the_recipient_s(
    stage: Stage, reply: str, kind: str, everyone: bool, wait: float | None
) -> None:
    code, _, message = reply.partition(" ")
    result = of_reply(stage, int(code), message)
    assert (result.kind, result.everyone, result.wait_s) == (kind, everyone, wait)


@pytest.mark.parametrize(
    "reply",
    [
        "421 4.7.0 Too many concurrent SMTP connections",
        "421 Too many sessions",
        "452 4.3.1 Connection rate limit exceeded",
    ],
)
def test_too_many_connections(reply: str) -> None:
    code, _, message = reply.partition(" ")
    result = of_reply("connect", int(code), message)
    assert (result.kind, result.crowded) == ("unavailable", True)


def test_an_answer_of_any_length_is_read_in_time() -> None:
    for text in ("try again " * 50_000, "exceeded " * 50_000, "retry after " + "1" * 100_000, "limit " * 50_000):
        assert of_reply("rcpt", 450, text).kind in ("deferred", "unavailable")
