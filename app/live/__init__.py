"""Live events: what happens to runs, as streams of server-sent events, for programs and for pages that move by themselves.

PostgreSQL holds what happened: the rows of a run for the stream of one run, `live_moves` for those of a workflow or a workspace. One hub
in each web process reads for all streams together; a notification of PostgreSQL is only the bell, and one that is lost costs two seconds.
"""
