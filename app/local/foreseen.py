"""Errors that a command answers with their sentence instead of a traceback."""

from __future__ import annotations

from app.local.binaries import MissingServer
from app.local.postgres import PostgresFailed
from app.local.preparation import CannotRun
from app.local.state import StateInUse, StateUnusable
from app.local.valkey import ValkeyFailed
from app.settings import UnsafeSettings

ERRORS = (CannotRun, MissingServer, PostgresFailed, StateInUse, StateUnusable, UnsafeSettings, ValkeyFailed)
