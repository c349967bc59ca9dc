"""Composition root of the worker: `dramatiq app.worker`. Imports every feature's jobs so that their actors are known."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil

import app
from app.lib import jobs, logs
from app.lib.heartbeat import HeartbeatMiddleware

logs.configure()
broker = jobs.broker()
broker.add_middleware(HeartbeatMiddleware())

for package in sorted(module.name for module in pkgutil.iter_modules(app.__path__) if module.ispkg):
    if importlib.util.find_spec(f"app.{package}.jobs"):
        importlib.import_module(f"app.{package}.jobs")
