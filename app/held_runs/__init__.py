"""Held runs: those that stopped at a step and wait for somebody to decide, one by one or all that fit a filter.

A run is held because its step failed for good and its policy says so, because it stopped workers, or because nobody knows whether its call
went out. `repository` says which fit a filter, `actions` what can be done with some of them (also with one), `bulk` does it with many: a
job of small batches with a rest between them, each in one transaction with the place that was reached. Rows of jobs stay for a year: they
say who did what.
"""
