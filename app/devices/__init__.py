"""Devices of contacts: who registers them, by the API or a site's own pages, and where they are shown.

Modules beyond the usual names: `contact_token` (what proves whose device a browser is), `opt_in` (what a site includes, and the
address at which browsers register), `site_address` (the public id of a connector).
"""
