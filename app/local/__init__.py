"""What `./dev run` brings along: embedded PostgreSQL and Valkey, a mailbox server, and the supervisor."""
