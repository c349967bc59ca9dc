"""Testing the draft of a workflow: one person walks through it, by the engine's own steps, and nothing comes of it.

spec        what a walk is given, and what it comes to
walk        the walk: the engine's batch over one run in memory, whose waits are over as soon as they begin
fields      a contact, stored or invented, as the engine reads it
story       the walk as the page of a run tells it
messages    what would be sent, and whether it may
samples     the contact and the event of a workflow that previews, conditions and walks are tried with
service     one test: sample, walk, code, messages
"""
