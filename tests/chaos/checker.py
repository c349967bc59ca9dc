"""The same questions after every fault: is anything lost, doubled, counted wrong, mailed twice, left running, or not said?"""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg

from app.engine import integrity
from app.models.status import MessageStatus, RunStatus
from tests.chaos.stage import People, Stage

RUNS = """
select c.email, r.status from runs r join contacts c on c.id = r.contact_id where r.workflow_id = %s and c.email like %s
"""
MESSAGES = """
select c.email, m.status from messages m join contacts c on c.id = m.contact_id where m.workflow_id = %s and c.email like %s
"""
OPEN = (MessageStatus.QUEUED, MessageStatus.SENDING)


def settled(stage: Stage, people: People) -> bool:
    """Is all that these people set going at its end, or waiting for somebody to say what became of a mail?"""
    try:
        with stage.database() as connection:
            runs = connection.execute(RUNS, (stage.workflow, f"{people.prefix}-%")).fetchall()
            messages = connection.execute(MESSAGES, (stage.workflow, f"{people.prefix}-%")).fetchall()
    except psycopg.OperationalError:
        return False
    return len(messages) == len(runs) == len(people.emails) and not any(status in OPEN for _, status in messages)


def check(stage: Stage, people: People, *, most_uncertain: int = 0) -> dict[str, int]:
    """Wait for the end of it all and hold it against what was acknowledged. Answers the number of messages by status."""
    people.finish()
    stage.becomes(lambda: settled(stage, people), f"an end of all runs of {people.prefix}")
    with stage.database() as connection:
        counted = _check_rows(stage, people, connection, most_uncertain)
        breaches = [str(breach) for breach in integrity.check(connection)]
    assert breaches == []
    stage.becomes(stage.is_well, "health that says ok")
    check_processes(stage)
    return counted


def _check_rows(
    stage: Stage, people: People, connection: psycopg.Connection[Any], most_uncertain: int
) -> dict[str, int]:
    where = (stage.workflow, f"{people.prefix}-%")
    runs = connection.execute(RUNS, where).fetchall()
    assert Counter(email for email, _ in runs) == Counter(people.emails), "acknowledged is not entered, once each"
    messages = dict(connection.execute(MESSAGES, where).fetchall())
    assert set(messages) == set(people.emails), "each run has one message"
    taken = Counter({email: stage.sink.taken[email] for email in people.emails})
    assert not [email for email, times in taken.items() if times > 1], "somebody was mailed twice"
    sent = {email for email, status in messages.items() if status == MessageStatus.SENT}
    uncertain = {email for email, status in messages.items() if status == MessageStatus.UNCERTAIN}
    assert sent | uncertain == set(people.emails), Counter(messages.values())
    assert not [email for email in sent if not taken[email]], "a mail that is said to be sent never left"
    assert len(uncertain) <= most_uncertain, f"{len(uncertain)} mails are uncertain"
    over = {email for email, status in runs if status >= RunStatus.COMPLETED}
    assert over >= sent, "a run did not go on after its mail was sent"
    return {MessageStatus(status).word: n for status, n in Counter(messages.values()).items()}


def check_processes(stage: Stage) -> None:
    """One PostgreSQL and one Valkey, and of each process of the product one."""

    def as_it_should_be() -> bool:
        names = Counter(_name(pid) for pid in stage.family())
        return names["postgres -D"] == 1 and names["valkey"] == 1 and names["app.worker"] in (1, 2, 3, 4)

    stage.becomes(as_it_should_be, f"one of each server: {Counter(_name(pid) for pid in stage.family())}", 30)


def check_stopped(stage: Stage) -> None:
    """Nothing that was ever started runs on."""
    left = {pid: _name(pid) for pid in stage.family()}
    assert left == {}, left


def _name(pid: int) -> str:
    """What a process is, from its command line."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
            words = [word.decode(errors="replace") for word in file.read().split(b"\0") if word]
    except OSError:
        return "gone"
    text = " ".join(words)
    if "valkey-server" in text or "redis-server" in text:
        return "valkey"
    if words[1:2] == ["-D"]:
        return "postgres -D"
    if "-m" in words:
        return words[words.index("-m") + 1]
    return text[:60]
