"""Workflows: the draft people edit, the versions runs walk, and the rules between the two.

Modules beyond the usual names, each pure (no database, no clock):

* `graph`       the document: trigger, nodes, edges, goals, settings, notes
* `validation`  what is wrong with a document: refusals (not saved) and issues (saved, but not activated)
* `ops`         the small edits of the canvas, applied all or nothing

and `drafts`, the half of the service that handles concurrent edits of one draft. `preview` says what activating would do,
`totals` reads the roll-up counters that lists show. Builder pages are in `builder_pages`.

Nothing here imports another feature save `app.accounts` (who asks). Runs of a workflow that is archived or deleted are
ended by the job `end_removed_runs` of `app.runs`: workflows are below runs and only ring the bell.
"""
