"""The mailbox of local mode: mails that the product's own mail server took, to be read like mail.

May import `app.message_templates`: a mail is framed as a preview is.
"""
