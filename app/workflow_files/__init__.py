"""Workflows as files: exported with what they use, and imported into another workspace.

`places` finds and replaces names of rows in documents (pure), `mapping` asks what stands for what is not here, `service` reads and makes
the rows. Above segments, whose rules travel too.
"""
