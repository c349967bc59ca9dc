"""Workspaces, users, roles, sessions and API keys.

Modules beyond the usual names:
`principal` (the type of `request.user`: a person or an API key), `guards` (deny by default: a route says which role it needs, or that it
is public), `authentication` (the middleware that finds the principal), `passwords` (Argon2, off the event loop), `throttle` (failed tries
of passwords) and `devices` (which are known), `sessions` (sign in, sign out), `sign_in_links` (one-time links), `invitations` (how
memberships begin) and `account_mail` (mails of links, which `app.messaging.account_mail` sends), `keys` (API keys), `entering` (opens the
session at the end of a sign-in), and the pages: `pages` (signing in and out), `invitation_pages`, `people_pages` (users), `key_pages`
(API keys) and `settings_pages` (the rest under /settings). SQL is in `repository` (workspaces, members), and in `session_repository`,
`key_repository`, `invitation_repository` and `throttle_repository`.
"""
