"""Connectors: credentials and settings of outside services, one default a type.

`smtp` is a seventh module: the client that speaks to a mail server. It lives here and not in `app.messaging` because the
"send a test mail" button of a connector needs it too, and messaging may import connectors, never the other way round.
May import `app.workflows.usage`: a connector that a workflow uses stays.
"""
