"""People: their addresses, attributes, tags and consent, and files of them.

Modules beyond the usual names: `fields` (what a contact may hold, cleaned and checked), `merging` (the pure rule of how a change meets
what is there), `upserting` (many changes set-wise, for the API and for imports), `erasure_repository` (by the marks of models),
`timeline` (what happened to one contact, read by `history_repository`), `known_name_repository` (which names data has, for warnings),
`label_repository` (what people call attributes), `imports` (CSV files). Permission to write to a contact is decided by
`app.subscriptions`.
"""
