"""Composition root of the commands: `./dev COMMAND`. It wires; the work is in `app.local`, imported when it is asked for."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

ROLES = ["owner", "admin", "marketer", "viewer"]


def parser() -> argparse.ArgumentParser:
    """Every command, its options, and which function answers it (`module:function`)."""
    made = argparse.ArgumentParser(prog="./dev", description="Throughline: marketing workflows on a canvas.")
    made.set_defaults(answer="")
    commands = made.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, answer: str, what: str, *, state: bool = True) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=what, description=what)
        sub.set_defaults(answer=f"app.local.{answer}")
        if state:
            sub.add_argument("--state", metavar="DIR", help="state directory (default: ./var, or THROUGHLINE_STATE)")
        return sub

    run = command("run", "running:run", "start the product: database, queue, web, worker, scheduler, mailbox")
    run.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    run.add_argument(
        "--port", type=_port, help="port of the web pages and the API (default: 8000, or THROUGHLINE_PORT)"
    )
    run.add_argument("--no-demo", action="store_true", help="start with an empty workspace")

    test = command("test", "testing:run", "run every check and test on servers of its own", state=False)
    test.add_argument(
        "paths", nargs="*", metavar="PATH", help="only these: files or folders of tests/ and e2e/, .test.js files"
    )
    test.add_argument("--fast", action="store_true", help="without the browser and what takes long by itself")
    test.add_argument("-k", dest="expression", metavar="EXPR", help="only tests whose name matches (as pytest)")
    command("lint", "testing:lint", "check style and types", state=False)
    command("format", "testing:reformat", "put the code into the project's style", state=False)

    migrate = command("migrate", "administration:migrate", "bring the database tables to the newest version")
    migrate.add_argument("revision", nargs="?", default="head", help="another revision; `-1` goes one back")
    command("shell", "administration:shell", "a Python prompt on the product's database")
    command("demo", "administration:demo", "fill the first workspace with the demo data")

    key = _only(command("api-key", "", "API keys", state=False), "create", "make an API key and print it")
    key.set_defaults(answer="app.local.administration:create_api_key")
    key.add_argument("--name", required=True, help="what the key is for")
    key.add_argument("--role", required=True, choices=ROLES)
    key.add_argument(
        "--scope",
        action="append",
        metavar="SCOPE",
        help="what it may touch, for example events:write; repeat it (default: all that the role allows)",
    )
    key.add_argument("--days", type=_days, default=90, metavar="N", help="how long it works, or `never` (default: 90)")
    user = _only(command("user", "", "people", state=False), "create", "add a person and print a one-time sign-in link")
    user.set_defaults(answer="app.local.administration:create_user")
    user.add_argument("--email", required=True)
    user.add_argument("--name", default="")
    user.add_argument("--role", required=True, choices=ROLES)
    user.add_argument("--password-stdin", action="store_true", help="read a password from standard input, no link")
    for sub in (key, user):
        sub.add_argument("--workspace", metavar="SLUG", help="which workspace (default: the first)")
        sub.add_argument("--state", metavar="DIR", help="state directory (default: ./var, or THROUGHLINE_STATE)")

    sealing = command("secret-key", "secret_keys:manage", "the secret keys that this database was sealed with")
    sealing.add_argument(
        "action",
        choices=["status", "reseal", "forget"],
        help="status: which are in use; reseal: seal all with the present one; forget: go on without keys that are lost",
    )
    command(
        "check-integrity", "administration:check_integrity", "check the engine's invariants; exit code 1 on a breach"
    )
    chaos = command(
        "chaos", "testing:chaos", "break a running product, and check that nothing is lost or doubled", state=False
    )
    chaos.add_argument("names", nargs="*", metavar="NAME", help="only these scenarios (default: the short set)")
    chaos.add_argument("--list", action="store_true", help="what scenarios there are")
    chaos.add_argument("--long", action="store_true", help="all of them")
    chaos.add_argument("--seed", type=int, help="decides the random moments; each run says its own")
    audit = command("audit", "audit:run", "write an SBOM and look for known advisories; needs the network", state=False)
    audit.add_argument("--output", default="test-results/sbom.cdx.json", metavar="FILE", help="where the SBOM goes")
    audit.add_argument("--sbom-only", action="store_true", help="ask no feed")
    backup = command("backup", "backup:backup", "write the whole database into one file; the product may run meanwhile")
    backup.add_argument("--replace", action="store_true", help="overwrite a backup of that name")
    restore = command("restore", "restore:restore", "put a backup back, checked first; the product must not run")
    restore.add_argument("--replace", action="store_true", help="give up what is in the database now")
    restore.add_argument(
        "--other-key",
        action="store_true",
        help="restore though the secret key is another one: connectors lose their passwords",
    )
    for sub in (backup, restore):
        sub.add_argument("file", metavar="FILE")
    bench = command("bench", "testing:bench", "measure the product, for example: ./dev bench engine", state=False)
    bench.add_argument("arguments", nargs=argparse.REMAINDER, help="the benchmark and its options")
    commands.add_parser("help", help="this list")
    return made


def _only(group: argparse.ArgumentParser, name: str, what: str) -> argparse.ArgumentParser:
    group.set_defaults(answer="", group=group)
    return group.add_subparsers(title="commands", metavar="COMMAND").add_parser(name, help=what, description=what)


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text!r}")
    return int(text)


def _days(text: str) -> int | None:
    if text == "never":
        return None
    if not text.isdigit() or not 1 <= int(text) <= 3650:
        raise argparse.ArgumentTypeError(f"days are a number from 1 to 3650, or never; not {text!r}")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code says whether it went well. Errors that were foreseen are one sentence."""
    made = parser()
    options = made.parse_args(arguments)
    if not options.answer:
        getattr(options, "group", made).print_help()
        return 0
    module, _, function = options.answer.partition(":")
    from app.errors import AppError
    from app.local import expected_errors

    try:
        return int(getattr(importlib.import_module(module), function)(options))
    except AppError as error:
        details = "".join(f"\n  {complaint['path']}: {complaint['message']}" for complaint in error.errors)
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
