"""The roll-up counters in `node_stats`: `run_counters` says what those of runs mean and `run_counter_repository` reads them,
`message_counters` says what those of messages are called and moves messages from one to another, `recount_repository` sums rows up to hold
the counters against. Every number of a page comes from here,
so that no page counts rows.
"""
