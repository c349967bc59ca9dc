"""Contacts from CSV files: upload, preview, mapping, and the background run that can be killed at any row.

The usual names, plus, from the bytes up: `encodings` (which page the bytes are), `reading` (lines become records, broken quotes
too), `csvfile` (what kind of CSV this is), `sniffing` (all of that while the bytes stream by), `cells` (numbers, dates, yes and
no), `optout_words` and `optouts` (who may not be written to), `columns` (which column means what), `plan` (a row becomes a
change), `previewing` (what is proposed), `starting` (what was decided, checked), `ceilings` (how much one
workspace may import), `mapping_form` (the page's form), `storing` (a
batch becomes contacts) and `runner` (the run).
"""
