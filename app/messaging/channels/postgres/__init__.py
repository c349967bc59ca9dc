"""Connectors to PostgreSQL databases, which triggers read: where they are, and who reads."""
