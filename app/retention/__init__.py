"""Retention: one list of rules, page and API that show and change them, the jobs that apply them.

rules, service       what is kept for how long
jobs                 what the scheduler calls
months               months of the tables that grow, made ahead
leaving              old months, taken out whole; `repository` deletes what leaves row by row
entry_repository     who entered, kept where the policy of re-entry asks
"""
