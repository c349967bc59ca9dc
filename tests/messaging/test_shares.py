"""The share of a mail server, without any server: how many connections it gets, and what shuts it."""

from __future__ import annotations

import itertools

import pytest

from app.messaging.channels.email.smtp_answers import of_break, of_reply
from app.messaging.channels.result import Result
from app.messaging.shares import AHEAD, AT_ONCE, BREAKS, CONNECTIONS, DEFERRALS, Share, connections

SENT, REFUSED = Result("sent", "250"), of_reply("rcpt", 550, "5.1.1 No such user")
BUSY, GREYLISTED = of_reply("rcpt", 451, "4.3.0 Try again later"), of_reply("rcpt", 451, "4.7.1 Greylisted")
CROWDED = of_reply("connect", 421, "4.7.0 Too many concurrent connections from your address")


def test_too_many_connections_halve_the_share_and_success_grows_it() -> None:
    share = Share()
    limits = []
    for moment in (10, 20, 30):
        assert not any(share.note(CROWDED, moment, moment + 1) for _ in range(5)), "a rush counts once"
        limits.append(share.limit)
    assert limits == [5, 2, 1] and share.changed
    assert share.note(CROWDED, 40, 41), "with one connection it is the server"
    grown = [share.limit]
    for moment in range(100):
        share.note(SENT, moment, moment + 1)
        grown.append(share.limit)
    assert grown == sorted(grown) and max(b - a for a, b in itertools.pairwise(grown)) == 1
    assert grown[-1] == CONNECTIONS and grown.count(1) == 1 and grown.count(9) == 9


@pytest.mark.parametrize(
    "result",
    [
        of_break("connect", "slow"),
        of_reply("mail", 421, "4.3.2 Closing"),
        of_reply("text", 421, "4.3.2 Shutting down"),
        of_reply("rcpt", 452, "4.5.3 Daily sending quota exceeded"),
        of_reply("data", 550, "5.4.5 Daily user sending limit exceeded"),
        of_break("text", "slow"),
    ],
)
def test_what_any_mail_would_meet_shuts_the_share_at_once(result: Result) -> None:
    share = Share()
    assert share.note(result, 5.0, 6.0)


def test_silence_after_one_text_is_not_the_server_s_while_it_takes_others() -> None:
    share, silent = Share(), of_break("text", "slow")
    share.note(SENT, 10, 20)
    assert not share.note(silent, 15, 45), "it took another while this one waited"
    assert share.note(silent, 30, 60)


@pytest.mark.parametrize(("result", "count"), [(of_break("rcpt", "cut"), BREAKS), (BUSY, DEFERRALS)])
def test_what_may_be_about_one_mail_has_to_come_in_a_row(result: Result, count: int) -> None:
    share = Share()
    for other in (SENT, REFUSED, GREYLISTED):
        assert not any(share.note(result, 0, 1) for _ in range(count - 1))
        assert not share.note(other, 0, 1)
    assert [share.note(result, 0, 1) for _ in range(count)] == [False] * (count - 1) + [True]


def test_a_thousand_greylisted_recipients_are_no_fault_of_the_server() -> None:
    share = Share()
    assert not any(share.note(GREYLISTED, 0, 1) for _ in range(1000)) and share.limit == CONNECTIONS


@pytest.mark.parametrize("servers", [1, 3, 40, 300])
def test_many_servers_share_and_each_gets_one(servers: int) -> None:
    shares = [Share(sending=1) for _ in range(servers)]
    each = [connections(share, shares) for share in shares]
    assert min(each) >= 1 and max(each) <= CONNECTIONS and sum(each) <= max(AT_ONCE, servers)


def test_a_share_claims_ahead_and_not_when_it_has_enough() -> None:
    share = Share(limit=3)
    assert share.wanted() == 3 * AHEAD
    share.claimed.extend([(float(n), None) for n in range(4)])  # type: ignore[misc]
    assert share.wanted() == 0
    assert len(share.drop(2.0)) == 2 and len(share.shut_down()) == 2 and share.wanted() == 0
    share.allow(None)
    assert share.wanted() == CONNECTIONS * AHEAD
