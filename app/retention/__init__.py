"""Retention: one list of rules, the page that shows and changes them, the job that applies them."""
