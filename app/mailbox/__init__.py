"""The mailbox of local mode: mails that the product's own mail server took, to be read like mail."""
