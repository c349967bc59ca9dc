"""Commands of `./dev` for operators: tables, people, keys, demo data, integrity, plugins, backup, an audit."""

from __future__ import annotations

import argparse

from app.lib.command_line import Commands

ROLES = ["owner", "admin", "marketer", "viewer"]


def add_to(commands: Commands) -> None:
    """All of them, in the order in which the list of commands shows them."""
    migrate = commands.add(
        "migrate", "app.ops.administration:migrate", "bring the database tables to the newest version"
    )
    migrate.add_argument("revision", nargs="?", default="head", help="another revision; `-1` goes one back")
    commands.add("shell", "app.ops.administration:shell", "a Python prompt on the product's database")
    commands.add("demo", "app.ops.administration:demo", "fill the first workspace with the demo data")
    _people(commands)
    sealing = commands.add(
        "secret-key", "app.ops.secret_keys:manage", "the secret keys that this database was sealed with"
    )
    sealing.add_argument(
        "action",
        choices=["status", "reseal", "forget"],
        help="status: which are in use; reseal: seal all with the present one; forget: go on without keys that are lost",
    )
    commands.add_group(
        "connectors",
        "connectors of all workspaces",
        "rotate-key",
        "app.ops.secret_keys:rotate_key",
        "seal all secrets again with the present secret key; may be stopped and repeated",
    )
    commands.add(
        "check-integrity",
        "app.ops.integrity:check_integrity",
        "check the engine's invariants; exit code 1 on a breach",
    )
    commands.add(
        "plugins",
        "app.ops.plugins:show",
        "the types that plugins brought; exit code 1 when one is refused",
        state=False,
    )
    audit = commands.add(
        "audit", "app.ops.audit:run", "write an SBOM and look for known advisories; needs the network", state=False
    )
    audit.add_argument("--output", default="test-results/sbom.cdx.json", metavar="FILE", help="where the SBOM goes")
    audit.add_argument("--sbom-only", action="store_true", help="ask no feed")
    _backups(commands)


def _people(commands: Commands) -> None:
    key = commands.add_group(
        "api-key", "API keys", "create", "app.ops.administration:create_api_key", "make an API key and print it"
    )
    key.add_argument("--name", required=True, help="what the key is for")
    key.add_argument("--role", required=True, choices=ROLES)
    key.add_argument(
        "--scope",
        action="append",
        metavar="SCOPE",
        help="what it may touch, for example events:write; repeat it (default: all that the role allows)",
    )
    key.add_argument("--days", type=_days, default=90, metavar="N", help="how long it works, or `never` (default: 90)")
    user = commands.add_group(
        "user",
        "people",
        "create",
        "app.ops.administration:create_user",
        "add a person and print a one-time sign-in link",
    )
    user.add_argument("--email", required=True)
    user.add_argument("--name", default="")
    user.add_argument("--role", required=True, choices=ROLES)
    user.add_argument("--password-stdin", action="store_true", help="read a password from standard input, no link")
    weight = commands.add_group(
        "workspace",
        "workspaces",
        "weigh",
        "app.ops.administration:weigh_workspace",
        "say what a workspace gets of the workers, when there is more to do than they do at once",
    )
    weight.add_argument(
        "--weight", required=True, type=_weight, metavar="N", help="1 (as new ones) to 100 times as much"
    )
    for sub in (key, user, weight):
        sub.add_argument("--workspace", metavar="SLUG", help="which workspace (default: the first)")


def _backups(commands: Commands) -> None:
    backup = commands.add(
        "backup", "app.ops.backup:backup", "write the whole database into one file; the product may run meanwhile"
    )
    backup.add_argument("--replace", action="store_true", help="overwrite a backup of that name")
    restore = commands.add(
        "restore", "app.ops.restore:restore", "put a backup back, checked first; the product must not run"
    )
    restore.add_argument("--replace", action="store_true", help="give up what is in the database now")
    restore.add_argument(
        "--other-key",
        action="store_true",
        help="restore though the secret key is another one: connectors lose their passwords",
    )
    for sub in (backup, restore):
        sub.add_argument("file", metavar="FILE")


def _weight(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"a weight is a number from 1 to 100; not {text!r}")
    return int(text)


def _days(text: str) -> int | None:
    if text == "never":
        return None
    if not text.isdigit() or not 1 <= int(text) <= 3650:
        raise argparse.ArgumentTypeError(f"days are a number from 1 to 3650, or never; not {text!r}")
    return int(text)
