"""The demo workspace: its mails, its workflows, and the contacts and events that fill it."""
