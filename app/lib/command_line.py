"""How a part of the product declares its commands: a module `commands` with `add_to(commands)`, which `app.cli` collects."""

from __future__ import annotations

import argparse


class Commands:
    """The commands, each with its options and the function that does it, as `module:function`."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser
        self._commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def add(self, name: str, runs: str, what: str, *, state: bool = True) -> argparse.ArgumentParser:
        """A command. With `state` it takes the directory of the local product."""
        sub = self._commands.add_parser(name, help=what, description=what)
        sub.set_defaults(runs=runs)
        if state:
            _add_state(sub)
        return sub

    def add_group(self, name: str, whats: str, verb: str, runs: str, what: str) -> argparse.ArgumentParser:
        """A command of two words, `NAME VERB`. The first alone prints its help."""
        group = self._commands.add_parser(name, help=whats, description=whats)
        group.set_defaults(runs="", group=group)
        verbs = group.add_subparsers(title="commands", metavar="COMMAND")
        sub = verbs.add_parser(verb, help=what, description=what)
        sub.set_defaults(runs=runs)
        _add_state(sub)
        return sub


def _add_state(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--state", metavar="DIR", help="state directory (default: ./var, or THROUGHLINE_STATE)")
