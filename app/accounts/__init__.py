"""Workspaces, users, roles, sessions and API keys.

Two modules beyond the usual names: `principal` (who asks, the type that every feature reads from `request.user`) and
`guards` (deny by default: a route says which role it needs, or that it is public).
"""
