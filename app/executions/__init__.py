"""Runs in the words of programs: executions with their steps and logs, from the moment a start is accepted.

Above `app.runs`, whose rows and rules they are: docs/api-guide.md has both vocabularies in one table.
"""
