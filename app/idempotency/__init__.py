"""`Idempotency-Key` on every POST under `/api/v1/`: the same request sent twice is done once and answered twice.

A key belongs to the principal that sent it, and a stored answer is read only after the guard has authorised the request, so
that it is never repeated to a principal without the right. Secrets in an answer are not stored; the repeated answer has null for them.
A handler names them: `secret_answer=("key",)`, members of the answer's `data`.

The key's row is inserted in the transaction of the request itself and the answer is written to it just before the commit,
so key, answer and work become durable together or not at all: there is no instant at which a crash leaves one without the
other. PostgreSQL makes a duplicate that arrives meanwhile wait for the first one's transaction: it then reads the stored
answer, or does the work when the first was rolled back. See docs/decisions/0006-one-answer-per-idempotency-key.md and 0024.
`app.asgi` installs the `middleware`.
"""
