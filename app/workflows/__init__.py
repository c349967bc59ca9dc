"""Workflows: the draft people edit, the versions runs walk, and the rules between the two.

Modules beyond the usual names. Pure, without database or clock:

* `graph`          the document: trigger, nodes, edges, goals, settings, notes
* `editor_fields`  what graph editors of others keep on nodes and edges, which is left out
* `ops`            the small edits of the canvas, applied all or nothing
* `validation`     what is wrong with a document: refusals (not saved) and issues (saved, but not activated)
* `doubts`         warnings about fields that no data has
* `step_types`     what validation asks `app.nodes` about types and conditions
* `trigger_types`  what can start a run
* `totals`         run counters in words
* `changes`        what differs between two versions

and the parts that `service` is made of: `drafts` (concurrent edits), `publishing` (versions), `preview` (what would
activating do?). A small drawing of a graph for other pages is in `picture`, a smaller one for lists in
`glyph`.

The builder: `builder_pages` (canvas, saving, forms) and `builder_status_pages` (activate, pause, …) are its routes, `builder` makes
what their templates are given, `faces` reads how step types look from `frontend-nodes/`, `choices` is the store of what forms
offer, `starting_flows` the flows of an empty canvas.

Nothing here imports another feature save `app.accounts` (who asks) and `app.contacts.known_names` (which
fields data has). Runs of a workflow that is archived or deleted are
ended by the job `end_removed_runs` of `app.runs`: workflows are below runs and only ring the bell.
"""
