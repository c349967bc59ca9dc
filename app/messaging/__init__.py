"""Templates, the send ledger, and mail on its way out.

More modules than the usual six, because sending is the part that must never go wrong:
`gateway` the one door every message passes (consent, suppression, state of run and workflow), a pure function;
`queue` the set-based SQL of what is due, in its order and by its `lanes`, `holds` that of what is kept back, `ledger` that of sending
(intend, settle, expire), all plain psycopg like the engine's; `deliver` the loop that looks, sends and settles: `claims` what a look takes
on, `shares` what each mail server gets of this worker, `commits` the one writer of a pass, `intents` the last question before a mail
leaves, `outcomes` what a server's answer means for a message; `email` builds MIME; `rendering` fills templates;
`outgoing` gets one message ready from what `desk` read for its batch; `plain_text` turns HTML into text and back;
`ceilings` how many mails a workspace may send in an hour and a day;
`account_mail` sends the mails that accounts writes down (invitations, sign-in links), beside the ledger, because no run waits for them;
`template_service` holds the rules of templates, beside `service` with those of the ledger;
`decisions` is the store of what people and rules decide about messages that have come to an end, `rules` what workflows say about
uncertain ones, `bulk` the jobs that do it for many; `message_api` and `message_pages` are their routes;
`unsubscribe` the rules of the links at the foot of a mail;
`suppression` those of the list of addresses that must not be written to, `suppression_list` its store.

May import `app.connectors` (a message needs a sender), `app.contacts.permission` (the rule of who may be written to) and
`app.events.record` (an unsubscribe is an event) and `app.workflows.usage` (a template that a workflow uses stays).
"""
