"""Liquid with hard limits: the language of text that people write, which knows the contact's language and time zone.

`templates` compiles and renders; `lexer` reads a source in one pass; `filters`, `dates` and `values` say what a filter gives, how a date is
written and what a value may do; `html` refuses values where HTML would run them.
"""
