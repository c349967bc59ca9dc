"""The command `./dev run`."""

from __future__ import annotations

import argparse

from app.local import environment
from app.local.supervisor import Supervisor


def run(options: argparse.Namespace) -> int:
    """Run the product until it is stopped."""
    launch = environment.read_launch(
        state=options.state, host=options.host, port=options.port, demo=not options.no_demo
    )
    return Supervisor(launch).run()
