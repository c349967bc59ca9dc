"""What `./dev run` brings along: embedded PostgreSQL and Valkey, a mailbox, a demo workspace, and the supervisor."""
