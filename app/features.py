"""Discovery of what features declare: a new feature, timer or actor changes no composition root.

A feature is a package of `app`. Its modules declare lists:

    api, pages   ROUTES        handlers of Litestar; of the API also API_TAGS, its groups in the reference (litestar's `Tag`)
                 SERVICES      by the name under which handlers ask for it (`app.accounts.deps`): what is made of session and principal
    jobs         ACTORS        actors of Dramatiq, each with its queue: `jobs.URGENT` for what people wait for, or `jobs.BULK`
                 POLLS         functions that each worker calls every second, in a thread each: work is done without Redis, too
                 WAKEUPS       `lib.wakeups.Wakeup`: which actor the scheduler notifies when, as SQL
                 HOUSEKEEPING  coroutine functions that the scheduler calls every five minutes
                 EACH_MINUTE   the same for what costs little and must not wait for so long

Names are unique: two declarations of one keep every process from starting.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Coroutine, Iterator, Sequence
from types import ModuleType
from typing import Any

from dramatiq import Actor
from litestar.openapi.spec import Tag

import app
from app.lib import jobs
from app.lib.wakeups import Wakeup

Poll = Callable[[], object]
Housekeeping = Callable[[], Coroutine[Any, Any, Any]]


class DeclaredTwice(RuntimeError):
    """Two features declare something under one name."""

    def __init__(self, kind: str, name: str, first: str, second: str) -> None:
        super().__init__(f"{kind} has {name!r} from {first} and from {second}. Give one of them another name.")


def modules(*names: str) -> Iterator[ModuleType]:
    """The modules `names` of all feature packages, in order of package."""
    for package in sorted(module.name for module in pkgutil.iter_modules(app.__path__) if module.ispkg):
        for name in names:
            if importlib.util.find_spec(f"app.{package}.{name}"):
                yield importlib.import_module(f"app.{package}.{name}")


def _declared(kind: str, where: Sequence[str], name_of: Callable[[Any], str]) -> list[Any]:
    """Everything in the lists `kind` of the modules `where`. Raises DeclaredTwice."""
    by_name: dict[str, tuple[str, Any]] = {}
    for module in modules(*where):
        for thing in getattr(module, kind, ()):
            name = name_of(thing)
            if name in by_name:
                raise DeclaredTwice(kind, name, by_name[name][0], module.__name__)
            by_name[name] = module.__name__, thing
    return [thing for _, thing in by_name.values()]


def routes() -> list[Any]:
    """All handlers. Litestar refuses two for one path and method."""
    return [handler for module in modules("api", "pages") for handler in module.ROUTES]


def services() -> dict[str, Callable[..., Any]]:
    """What handlers may ask for, by name."""
    places = ["api", "pages"]
    _declared("SERVICES", places, str)
    return {name: service for module in modules(*places) for name, service in getattr(module, "SERVICES", {}).items()}


def api_tags() -> list[Tag]:
    """The groups of the API's reference, in alphabetical order."""
    return sorted(_declared("API_TAGS", ["api"], lambda tag: str(tag.name)), key=lambda tag: tag.name)


def actors() -> list[Actor[Any, Any]]:
    """All actors. A process that notifies actors calls this at start, to know their queues."""
    jobs.broker()
    return _declared("ACTORS", ["jobs"], lambda actor: str(actor.actor_name))


def polls() -> list[Poll]:
    """What each worker calls every second."""
    return _declared("POLLS", ["jobs"], lambda poll: str(getattr(poll, "actor_name", None) or poll.__name__))


def wakeups() -> list[Wakeup]:
    """What the scheduler asks about every second."""
    declared: list[Wakeup] = _declared("WAKEUPS", ["jobs"], lambda wakeup: str(wakeup.actor))
    actor_names = {actor.actor_name for actor in actors()}
    if unknown := [wakeup.actor for wakeup in declared if wakeup.actor not in actor_names]:
        raise RuntimeError(f"WAKEUPS names actors that no feature has in ACTORS: {', '.join(unknown)}")
    return declared


def housekeeping() -> list[Housekeeping]:
    """What the scheduler calls every five minutes."""
    return _declared("HOUSEKEEPING", ["jobs"], lambda job: str(job.__name__))


def each_minute() -> list[Housekeeping]:
    """What the scheduler calls every minute."""
    return _declared("EACH_MINUTE", ["jobs"], lambda job: str(job.__name__))
