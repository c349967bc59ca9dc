"""Buses of the operator: domain events go out by NATS JetStream and by a stream of Redis, and events of other programs come in by NATS.

`sinks` says which there are, `sink_pass` carries what waits to one of them, over a transport (`nats_transport`, `redis_transport`).
`nats_intake` reads what others send; `inbound` handles a message by the rules of the API. docs/decisions/0097 and 0098 have the rules.
"""
