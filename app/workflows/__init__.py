"""Workflows: the draft people edit, the versions runs walk, and the rules between the two. The document itself is in `app.flow`.

Modules beyond the usual names, the parts that `service` is made of: `drafts` (concurrent edits), `versions` (freezing a draft, going
back), `preview` (what would activating do?) with `candidates` (contacts who might enter). `openapi` is what the
reference of the API has of each installed step and trigger type.

Runs of a workflow that is archived or deleted are ended by the job `end_removed_runs` of `app.runs`: workflows are below runs and only
notify its actor.
"""
