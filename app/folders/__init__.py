"""Folders and tags: where workflows and templates are kept, and by which words they are found again.

`repository` has the SQL of folders and of what lies in them, `service` the rules, `tags` what a tag may be. A folder may hold folders,
which hold none: two levels are what a list of some hundred names needs, and a row is never further than one press away.
"""
