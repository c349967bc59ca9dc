"""Composition root of the scheduler: a one-second tick that finds what is due and rings for it."""
