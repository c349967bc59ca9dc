"""Composition root of the worker: `dramatiq app.worker`. Imports every feature's jobs so that their actors are known."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable

import app
from app.lib import jobs, logs, virtual_clock
from app.lib.heartbeat import HeartbeatMiddleware
from app.lib.polling import PollingMiddleware

logs.configure()
virtual_clock.install()
broker = jobs.broker()
polls: list[Callable[[], object]] = []

for package in sorted(module.name for module in pkgutil.iter_modules(app.__path__) if module.ispkg):
    if importlib.util.find_spec(f"app.{package}.jobs"):
        polls += getattr(importlib.import_module(f"app.{package}.jobs"), "POLLS", [])

broker.add_middleware(HeartbeatMiddleware())
broker.add_middleware(PollingMiddleware(polls))
