"""How runs move: set-based, in one transaction a batch, by plain synchronous psycopg.

    claim     what a worker takes, as SQL          claim_lock who may take events now
    matcher   what is known of each workspace's workflows
    listeners who may be concerned by an event, as an index over conditions
    subscriptions what the versions of a workspace wait for, by event
    arrivals  what came into the inbox, walked     entry     who may enter, and refusals
    compiled  a version, compiled once             state     contact and run in memory, as nodes see them
    compiled_node one node of a version            loops     going through lists, item by item
    coming    how a run has come to a step         version_ways ways of stored versions without an edge
    walk      every run of a batch, in memory      paths     what is the same for many runs of a batch, noted once
    answers   what suspended steps came to           limits    what one run may do at most
    cycles    which nodes may be visited again      records   rows beside runs, steps and messages
    waits     runs that sleep until an event       calls     calls to the outside as rows: intent, lease, answer
    call_pass the loop that makes calls            call_answers answers of many calls, written together
    call_shares who may call how much at a time
    write     a batch as a handful of statements   changes   contact changes merged in SQL
    rows      PostgreSQL's binary formats          change_events contact changes told to who listens
    advance   one transaction: claim, walk, write  jobs      the actors
    control   cancelling from outside              integrity what must hold after every fault
    held_runs how runs go on that a person has to look at  passing steps that runs pass without doing them
    garbage   the collector, kept out of batches     progress what the engine of this process does now
    work_status does work move, and who is in the way  failpoints where tests kill or freeze a worker
    goals     what ends a run early, by an event or by how the contact is
    moves     stored runs that wait again, or go among the ended ones
    history   what had happened before: events, and when contacts started a workflow
    stored_rows what a claim reads, decoded          threads   the engines of one process, and who helps whom
    vacuum    hot tables, vacuumed as rows are taken
    step_faults errors of steps in words             newer_release steps that wait for a newer worker

The usual file names of a feature do not fit here; these are the nouns of the engine.
"""
