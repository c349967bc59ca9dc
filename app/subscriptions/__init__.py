"""Who may be written to: consent, the suppression list, and the pages by which people unsubscribe.

Modules beyond the usual names: `permission` is the pure rule of who may be written to, and `permission_filter` says it in SQL for lists;
`suppression_repository` is the store of addresses that must not be written to, for both drivers; `service` the rules of that list and of
coming back; `unsubscribe` the rules of the link at the foot of a message; `suppression_pages` and `unsubscribe_pages` are the pages.

Contacts, templates and sending ask here, so nothing of them is imported: `repository` reads the rows of a contact and of a message itself.
"""
