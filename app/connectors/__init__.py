"""Connectors: credentials and settings of outside services, one default a channel.

What settings a type has, what they mean and how its provider is reached is said by its `ConnectorType` in `app.messaging.channels`; here
nobody knows one by name. `trial` sends test messages, `condition` is what they do to a connector's state, `release_repository` frees what
a rest has held. `senders` unseals what sending needs. `state` tells whether a connector works; worker and web write it with the same
statement.
"""
