"""What happened to contacts, and how it gets to the engine.

Two modules beyond the usual names: `record` (writes events and the engine's inbox in the caller's transaction; contacts
call it too) and `ingest` (the group commit behind `POST /api/v1/events`).
"""
