"""Find anything: pages, actions and the workspace's own things by name, from every page.

`places` lists pages and actions, `repository` looks names up, `pages` answers what the palette shows.
"""
