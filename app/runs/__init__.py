"""Runs as people and programs look at them: lists, one run step by step, cancelling.

Steps hold what only the engine knows; the rest of a step (type, name, input) is read from the pinned version here.
"""
