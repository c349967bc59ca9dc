"""What workers can do: make the calls of these kinds."""

from __future__ import annotations

from typing import Any

from app.flow import performers
from app.outside.code_performer import JavaScriptPerformer, PythonPerformer
from app.outside.http_performer import HttpPerformer
from app.outside.slack_performer import SlackPerformer

ACTORS: list[Any] = []
CODE_AT_ONCE = 2
"""Pieces of code of one language at a time in a worker process: so many children it has."""
performers.perform_by("http", HttpPerformer)
performers.perform_by("slack.message", SlackPerformer)
performers.perform_by("code.javascript", JavaScriptPerformer, at_once=CODE_AT_ONCE, harmless=True)
performers.perform_by("code.python", PythonPerformer, at_once=CODE_AT_ONCE, harmless=True)
