"""The command `./dev run`: what it says before it starts, and the supervisor that does it."""

from __future__ import annotations

import argparse
import sys

from app.local import environment
from app.local.supervisor import Supervisor


def opens(host: str, port: int) -> str:
    """What listening on `host` opens to others, in words; "" when only this machine can come in."""
    if host == "localhost" or host.startswith("127.") or host == "::1":
        return ""
    where = "every network of this machine" if host in ("0.0.0.0", "::") else host  # noqa: S104
    return (
        f"  open      to everybody who reaches port {port} on {where}: the pages and the API, over http without encryption. "
        "Passwords, sessions, API keys and sign-in links can be read on the way.\n"
        "            `./dev run` is for one's own machine. For others: docs/operations.md, with TLS in front."
    )


def run(options: argparse.Namespace) -> int:
    """Run the product until it is stopped."""
    launch = environment.read_launch(
        state=options.state,
        host=options.host,
        port=options.port,
        web_processes=options.workers,
        worker_processes=options.worker_processes,
        demo=not options.no_demo,
    )
    if warning := opens(launch.host, launch.port):
        print(warning, file=sys.stderr, flush=True)
    return Supervisor(launch).run()
