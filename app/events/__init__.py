"""What happened to contacts, and how it gets to the engine.

Modules beyond the usual names: `record` writes events and the engine's inbox in the caller's transaction (contacts call it
too); `ingest` is the group commit behind `POST /api/v1/events`, `storing` what one such commit does, `contact_repository` whom its
events are about, `refusals` why a request is not stored. `fast_route` answers what is plain before the framework, by `fast_reading`,
`fast_store`, `fast_statement` and `fast_repository`; whatever needs a decision goes to the others.
"""
