"""Troubles, which need a person to act: one list, read by Home, the banner of every page, the API, `/health/ready` and `/metrics`.

`kinds` names every kind of trouble with its words, its severity and what to do; `repository` finds them; `dead_letters` are events
that could not be handled, and the way to try them again.
"""
