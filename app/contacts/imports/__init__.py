"""Contacts from CSV files: upload, preview, mapping, and the background run that can be killed at any row.

The usual names, plus `csvfile` (what kind of CSV this is), `columns` (which column means what) and `runner` (the run).
"""
