"""Triggers that start runs at a date of contacts: a birthday, three days before a renewal.

`upkeep` keeps a row for each such trigger of a live version, as `app.schedules` has found that a workspace has changed. When each contact
is due stands in `due_dates`; it is written under the contact's lock, by the engine whenever a contact comes or changes and, for everybody,
when a trigger is new (`app.engine.due_dates`, `app.engine.date_builder`). `firing` takes those whose time has come, asks the contact as it
is then, and writes the starts in the engine's inbox and the next time in one transaction: nobody is started twice for one date, and nobody
forgotten. `preview` says before it goes live whom a date
concerns.
"""
