"""May this mail leave, now? Facts may have changed since the claim: the transaction before it leaves reads them again."""

from __future__ import annotations

from collections.abc import Sequence

from app.lib.addresses import BadAddress
from app.messaging import gateway, send_facts
from app.messaging.ledger import Connection, DueMessage, Transition
from app.messaging.outgoing import Ready, suppressed
from app.messaging.send_facts import Now


def judge(
    connection: Connection, mails: Sequence[Ready]
) -> tuple[list[Transition], list[Transition], list[DueMessage]]:
    """The intents of those that may leave, the ends of those that may not, and those that are requeued to be rendered again."""
    intents = [ready.intent for ready in mails]
    facts = send_facts.facts(connection, intents)
    # A message that is not among the facts belongs to another worker by now.
    current = [(ready, now) for ready in mails if (now := facts.get(ready.due.key))]
    go, ends, to_requeue = list[Transition](), list[Transition](), list[DueMessage]()
    for ready, now in current:
        verdict = gateway.judge(_facts(ready.due, now))
        if verdict.say == "suppress":
            ends.append(suppressed(ready.due, verdict))
        elif verdict.say == "send" and _same(ready, now):
            go.append(ready.intent)
        else:
            to_requeue.append(ready.due)
    return go, ends, to_requeue


def _facts(due: DueMessage, now: Now) -> gateway.SendCheck:
    """What the list says is about the address at the claim; where it is another one now, the message is made again."""
    to = now.address(due.kind)
    same = due.kind.comparable(to or "") == due.kind.comparable(due.address or "")
    return gateway.SendCheck(
        channel=due.kind.type,
        workflow_status=now.workflow_status,
        run_status=now.run_status,
        contact_known=now.contact_known,
        address=to,
        consent=now.consent or {},
        topic=due.options.get("topic"),
        transactional=due.is_transactional,
        suppression=now.listed if same else None,
    )


def _same(ready: Ready, now: Now) -> bool:
    """Does it still go to the same address, and devices, by the same settings, and may that server be used?"""
    try:
        to = ready.due.kind.wire(now.address(ready.due.kind) or "")
    except BadAddress:
        return False
    connector = now.updated_at == ready.condition.as_of and now.state == ready.condition.state
    known = ready.due.device_ids
    devices = known is None or known == set(now.devices or ())
    return to == ready.packet.recipient and connector and devices
