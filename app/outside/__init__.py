"""Calls to services outside that steps ask for. The engine decides which and when (`engine.call_pass`); here each is made.

http_performer       one HTTP request, with its credentials, and what it says of its service
http_exchange        a request as it leaves, and an answer as steps get it and people are shown it
code_performer       code of a step, run in a child process
connector_repository the connectors that calls name, read at most every two seconds
"""
