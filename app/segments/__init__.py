"""Segments: sets of contacts as people and programs make, see and use them.

Who is in one is written below all features, in `app.segment_member_repository`; enrolments of those who are in are `app.enrolments`.
Above the builder, whose suggestions for conditions the editor of a rule offers.
"""
