"""Enrolments: many contacts enter a workflow one piece after another, with progress and a way to stop.

One mechanism for all that lets an audience in at once: those who are in a segment when a workflow with `existing: enter` goes live, each
firing of a schedule, each day of a date. `service.begin` is for all of them: it writes one row (`app.models.enrolment`), in the
transaction of whatever caused it. `runner` moves it: a piece of contacts, their starts in the engine's inbox (`inbox.start_at`) and the
place that was reached are one transaction, so nobody is asked for twice. `audience_repository` says who belongs to an audience.
"""
