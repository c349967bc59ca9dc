"""Manual starts of runs: on a contact's page, or by a program. Events start runs in `app.engine`.

Above the engine, whose rule of re-entry it asks before it promises a run.
"""
