"""Triggers that ask for rows, for those who own them: how each stands, and what it would do with the newest rows."""
