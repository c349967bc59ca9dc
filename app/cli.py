"""Composition root of the commands: `./dev COMMAND`. It collects all `commands` modules; a command's code is imported when called."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Sequence

from app.lib.command_line import Commands

MODULES = ("app.local.commands", "tools.dev.commands", "app.ops.commands")
"""Each has `add_to(commands)`. One that this installation lacks is left out: the image has no developers' tools."""


def parser() -> argparse.ArgumentParser:
    """All commands of this installation."""
    root = argparse.ArgumentParser(prog="./dev", description="Throughline: marketing workflows on a canvas.")
    root.set_defaults(runs="")
    commands = Commands(root)
    for name in MODULES:
        if importlib.util.find_spec(name.split(".")[0]) and importlib.util.find_spec(name.rpartition(".")[0]):
            importlib.import_module(name).add_to(commands)
    commands.add("help", "", "this list", state=False)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Expected errors are printed as one sentence."""
    commands = parser()
    options = commands.parse_args(arguments)
    if not options.runs:
        getattr(options, "group", commands).print_help()
        return 0
    module, _, function = options.runs.partition(":")
    from app.errors import AppError
    from app.ops import expected_errors

    try:
        return int(getattr(importlib.import_module(module), function)(options))
    except AppError as error:
        details = "".join(f"\n  {field_error['path']}: {field_error['message']}" for field_error in error.errors)
        print(f"{error.message}{details}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if not (sentence := expected_errors.sentence(error)):
            raise
        print(sentence, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
