"""The flow document and its rules, pure: no database, no clock, no network.

The document: `document` (triggers, nodes, edges, goals, settings, notes), `ops` (the small edits of the canvas), `diff`, `validation`,
`lint` (names that no data has), `diagram` and `thumbnail` (drawings), `editor_fields` (what graph editors of others keep).
Conditions: `conditions` with `operators`, `paths`, `patterns`, `phrases` (in words) and `field_reads`.
Types: `node_type` is what the author of a step type sees, with `step_view` (what a step reads), `outcomes` and `effects` (what it
answers) and `scope` (what its `compile` is handed); `registry` is the list of types,
`presentation` how they look.
"""
