"""Email.

`channel` is the channel and `smtp_connector` its connectors; `content` fills a mail, `plain_text` turns HTML into text and back, `mime`
builds it, `smtp` hands it to a mail server over connections of `smtp_connection`, whose commands and answers are those of an
`smtp_exchange`, and `smtp_answers` says what answers are about.
"""
