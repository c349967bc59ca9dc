"""Connectors to services that are called by HTTP: where they are, and how a call says who it is from."""
