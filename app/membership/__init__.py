"""Who is in which dynamic segment: what rules count, where each contact stands, and how a rule is asked of many people at once.

`rule_repository` says a rule as SQL, `counting` counts and samples whom a rule holds for, `book` is what a worker knows of the rules of a
workspace, `moves` what one batch changes, `state_repository` reads and writes it, `builds` begins, compares and drops versions of rules.
The engine calls it for each batch, under the locks of the contacts (`app.engine.membership`); segments as people see them are in
`app.segments`.
"""
