"""Templates, the send ledger, and mail on its way out.

More modules than the usual six, because sending is the part that must never go wrong:
`gateway` the one door every message passes (consent, suppression, state of run and workflow), a pure function;
`ledger` the set-based SQL of sending (claim, settle, expire), plain psycopg like the engine's;
`deliver` the loop that claims, sends and settles; `email` builds MIME; `rendering` fills templates;
`unsubscribe` the public pages behind List-Unsubscribe; `templates_service`/`templates_api` the templates themselves.

May import `app.connectors` (a message needs a sender) and `app.contacts.consent` (the rule of who may be written to).
"""
