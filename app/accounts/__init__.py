"""Workspaces, users, roles, sessions and API keys.

Modules beyond the usual names:
`principal` (who asks, the type that every feature reads from `request.user`), `guards` (deny by default: a route says which
role it needs, or that it is public), `authentication` (the middleware that finds the principal), `passwords` (Argon2, off
the event loop), `throttle` (failed sign-ins), `sessions` (sign in, sign out, one-time links), `keys` (API keys) and
`settings_pages` and `key_pages` (the pages under /settings; `pages` holds the doors).
"""
