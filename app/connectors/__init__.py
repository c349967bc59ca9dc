"""Connectors: credentials and settings of outside services, one default a channel.

What settings a type has, what they mean and how its provider is reached is defined by its `ConnectorType` in `app.messaging.channels`;
this package knows no type by name. `trial` sends test messages, `condition` applies their outcome to a connector's state,
`release_repository` releases messages that an outage has held. `senders` decrypts what sending needs. `state` is whether a connector works;
worker and web write it with the same statement. `limits` are what may begin by a connector, counted for all workers in `gate_repository`;
`breaker_repository` is the state of services as calls find them.
"""
