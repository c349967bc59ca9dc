"""How runs move: set-based, in one transaction a batch, by plain synchronous psycopg.

    rows      PostgreSQL's binary formats          graph     a version, compiled once
    walk      every run of a batch, in memory      write     a batch as a handful of statements
    claim     what a worker takes, as SQL          matcher   which workflows and goals an event concerns
    entry     who may enter, and refusals          advance   one transaction: claim, walk, write
    control   cancelling from outside              jobs      the doorbell's actors
    integrity what must hold after every fault

The usual file names of a feature do not fit here; these are the nouns of the engine.
"""
