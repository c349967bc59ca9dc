"""Channels: one package each, found automatically, with its addresses, its rendering and its sending.

`channel` is what the author of one sees, `registry` the list of them, `result` what a provider may answer and how messages are handed over.
`parts` is what a template has and `filling` fills one of them; `message_ids` says what a message is called, `unsubscribe_link` is the link
at its foot.
"""
