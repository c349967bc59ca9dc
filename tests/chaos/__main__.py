"""`./dev chaos [NAME …] [--list] [--long] [--seed N]`: break a product that runs, and count what is left of it."""

from __future__ import annotations

import argparse
import inspect
import sys
import time
import traceback

from app import installed_types
from tests.chaos import scenarios
from tests.chaos.checker import check_stopped
from tests.chaos.stage import Stage


def main() -> int:
    """Run the scenarios on one product. Exit code 1 when one failed; the product is then made anew for the next."""
    parser = argparse.ArgumentParser(prog="./dev chaos")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    if options.list:
        for name, scenario in scenarios.ALL.items():
            print(f"{'long' if name in scenarios.LONG else '':<5} {name:<24} {inspect.getdoc(scenario)}")
        return 0
    if unknown := [name for name in options.names if name not in scenarios.ALL]:
        print(f"There is no {', '.join(unknown)}. See ./dev chaos --list", file=sys.stderr)
        return 2
    installed_types.install()
    names = options.names or list(scenarios.ALL if options.long else scenarios.SHORT)
    print(f"seed {options.seed}", flush=True)
    failed = 0
    while names:
        with Stage(options.seed) as stage:
            while names:
                name, began = names.pop(0), time.monotonic()
                try:
                    scenarios.ALL[name](stage)
                except Exception:
                    traceback.print_exc()
                    print(f"  FAILED {name:<24} {time.monotonic() - began:6.1f} s", flush=True)
                    failed += 1
                    break
                print(f"  ok     {name:<24} {time.monotonic() - began:6.1f} s", flush=True)
            else:
                stage.stop()
                check_stopped(stage)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
