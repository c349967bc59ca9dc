"""Commands of `./dev` that run the product on this machine."""

from __future__ import annotations

import argparse

from app.lib.command_line import Commands


def add_to(commands: Commands) -> None:
    """`run`."""
    run = commands.add(
        "run", "app.local.run_command:run", "start the product: database, queue, web, worker, scheduler, mailbox"
    )
    run.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    run.add_argument(
        "--port", type=_port, help="port of the web pages and the API (default: 8000, or THROUGHLINE_PORT)"
    )
    run.add_argument(
        "--workers",
        type=_web_processes,
        metavar="N",
        help="web processes behind the port (default: one for each two processor cores)",
    )
    run.add_argument(
        "--worker-processes",
        type=_worker_processes,
        metavar="N",
        help="processes that move runs and send messages (default: one for each two processor cores, at most 4)",
    )
    run.add_argument("--no-demo", action="store_true", help="start with an empty workspace")


def _web_processes(text: str) -> int:
    return _number(text, "web processes")


def _worker_processes(text: str) -> int:
    return _number(text, "worker processes")


def _number(text: str, of: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"a number of {of} is one from 1 to 64, not {text!r}")
    return int(text)


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text!r}")
    return int(text)
