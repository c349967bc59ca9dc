"""The send ledger, and sending of messages of every channel. What is specific to a channel is in `channels`.

Modules beyond the usual names:
`gateway` is the check that every message passes (consent, suppression, state of run and workflow), a pure function; `queue` the set-based
SQL of what is due, in its order and by its `lanes`, `holds` that of what is held, `ledger` that of sending (mark, settle, expire), all
plain psycopg like the engine's; `deliver` the loop that claims, sends and settles: `claims` is its claim, `shares` the share of each
server in this worker, `commits` the one writer of a pass, `intents` the last check before a message leaves, `outcomes` what a provider's
answer means for a message; `outgoing` prepares one message from what `send_context` read for its batch; `ceilings` how many messages a
workspace may send in an hour and a day; `account_mail` sends the mails that accounts writes down (invitations, sign-in links), beside the
ledger, because no run waits for them; `decisions` is the store of what people and rules decide about messages that have come to an end,
`rules` what workflows say about uncertain ones, `bulk` the jobs that do it for many; `api` and `pages` are their routes.
"""
