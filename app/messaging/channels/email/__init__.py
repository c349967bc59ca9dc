"""Email.

`mime` builds a mail, `smtp` hands it to a mail server over connections of `smtp_connection`, `smtp_answers` says what answers are about.
"""
