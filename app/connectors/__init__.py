"""Connectors: credentials and settings of outside services, one default a type.

`smtp` hands mails to mail servers over connections of `smtp_connection`, and `smtp_answers` says what the answers are about. They live
here and not in `app.messaging` because test mails need them too, and messaging may import connectors, never the other way round. `trial`
sends test mails, `condition` is what they do to a connector's state, `releases` frees what a rest has held. `senders` unseals what
sending needs. `state` tells whether a connector works; the worker and the web write it with the same statement.
May import `app.workflows.usage`: a connector that a workflow uses stays; and `app.messaging.suppression`: a test mail asks, like every
mail, whether its address may be written to.
"""
