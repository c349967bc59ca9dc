"""Calls to services outside that steps ask for. The engine decides which and when (`engine.call_pass`); here each is made.

http_performer       one HTTP request, its answer, and what is recorded of both
code_performer       code of a step, run in a child process
connector_repository the connectors that calls name, read at most every two seconds
"""
