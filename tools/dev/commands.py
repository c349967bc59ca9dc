"""Commands of `./dev` for who works on the product: tests, style, faults, measurements. The image of the product has none of them."""

from __future__ import annotations

import argparse

from app.lib.command_line import Commands


def add_to(commands: Commands) -> None:
    """`test`, `lint`, `format`, `new`, `chaos` and `bench`."""
    test = commands.add("test", "tools.dev.testing:run", "run every check and test on servers of its own", state=False)
    test.add_argument(
        "paths", nargs="*", metavar="PATH", help="only these: files or folders of tests/ and e2e/, .test.js files"
    )
    test.add_argument("--fast", action="store_true", help="without the browser and what takes long by itself")
    test.add_argument("-k", dest="expression", metavar="EXPR", help="only tests whose name matches (as pytest)")
    commands.add("lint", "tools.dev.testing:lint", "check style and types", state=False)
    commands.add("format", "tools.dev.testing:reformat", "put the code into the project's style", state=False)
    texts = commands.add("texts", "tools.dev.texts:run", "bring the catalogues of translations up to date", state=False)
    texts.add_argument("--check", action="store_true", help="only say what is missing")
    shots = commands.add(
        "shots",
        "tools.dev.screenshots:run",
        "take pictures of every page in every state, in both themes and widths",
        state=False,
    )
    shots.add_argument(
        "--into", metavar="DIR", help="where they go (default: docs/images/pages, which git does not keep)"
    )
    shots.add_argument("--only", metavar="PATTERN", help="only states whose name fits, as in 'builder-*'")
    shots.add_argument("--language", default="en", help="what the browser asks for, as in de; its pictures end in -de")
    shots.add_argument("--theme", action="append", choices=("light", "dark"), help="only this one")
    shots.add_argument("--width", action="append", choices=("1440", "390"), help="only this one")
    what = "write the files of a new step type or trigger, with a failing test"
    new = commands.add("new", "tools.dev.new_type:run", what, state=False)
    new.add_argument("kind", help="node or trigger")
    new.add_argument("name", metavar="NAME", help="its name in documents, as in wait_until")
    new.add_argument("--plugins", metavar="DIR", help="write into this plugin directory instead of the product")
    chaos = commands.add(
        "chaos",
        "tools.dev.testing:chaos",
        "break a running product, and check that nothing is lost or doubled",
        state=False,
    )
    chaos.add_argument("names", nargs="*", metavar="NAME", help="only these scenarios (default: the short set)")
    chaos.add_argument("--list", action="store_true", help="what scenarios there are")
    chaos.add_argument("--long", action="store_true", help="all of them")
    chaos.add_argument("--seed", type=int, help="decides the random moments; each run says its own")
    bench = commands.add(
        "bench", "tools.dev.testing:bench", "measure the product, for example: ./dev bench all", state=False
    )
    bench.add_argument("arguments", nargs=argparse.REMAINDER, help="the benchmark and its options")
