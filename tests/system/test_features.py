"""A feature is found by being there, and what it declares reaches every process; two of one name are refused."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

import app
from app import features, scheduler
from app.lib import jobs
from app.lib.wakeups import Wakeup

ROOTS = ("asgi", "worker", "scheduler", "cli")
JOBS = """
    import dramatiq
    from app.lib import jobs
    from app.lib.wakeups import Wakeup

    @dramatiq.actor(queue_name=jobs.URGENT)
    def count_stars() -> None: ...

    def poll_stars() -> None: ...
    async def forget_stars() -> None: ...

    ACTORS = [count_stars]
    POLLS = [poll_stars]
    WAKEUPS = [Wakeup("count_stars", due="exists (select from contacts)", next_due="select max(at) from inbox")]
    HOUSEKEEPING = [forget_stars]
"""
API = """
    from litestar import get
    from litestar.openapi.spec import Tag

    @get("/api/v1/stars", public=True, tags=["Stars"])
    async def list_stars() -> dict[str, int]:
        return {"stars": 3}

    ROUTES = [list_stars]
    API_TAGS = [Tag(name="Stars", description="What shines.")]
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty package of features beside the real ones. Its modules and actors are gone afterwards."""
    known = set(sys.modules)
    features.actors()
    actors = dict(jobs.broker().actors)
    monkeypatch.setattr(app, "__path__", [*app.__path__, str(tmp_path)])
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.startswith("app.planted"):
            del sys.modules[name]
            vars(app).pop(name.split(".")[1], None)
    jobs.broker().actors = actors


def plant(package: Path, name: str, **modules: str) -> None:
    place = package / name
    place.mkdir()
    (place / "__init__.py").write_text("")
    for module, text in modules.items():
        (place / f"{module}.py").write_text(dedent(text))


def test_what_a_new_feature_declares_is_collected(package: Path) -> None:
    before = len(features.polls())
    plant(package, "planted_stars", jobs=JOBS, api=API)
    assert "count_stars" in {actor.actor_name for actor in features.actors()}
    assert jobs.queue_of("count_stars") == jobs.URGENT
    assert len(features.polls()) == before + 1
    assert "count_stars" in {wakeup.actor for wakeup in features.wakeups()}
    assert "forget_stars" in {job.__name__ for job in features.housekeeping()}
    assert "list_stars" in {getattr(getattr(handler, "fn", None), "__name__", "") for handler in features.routes()}
    assert "Stars" in {tag.name for tag in features.api_tags()}


@pytest.mark.parametrize(
    ("text", "collect", "name"),
    [
        (
            "async def forget_answers() -> None: ...\nHOUSEKEEPING = [forget_answers]",
            features.housekeeping,
            "forget_answers",
        ),
        ("def poll_imports() -> None: ...\nPOLLS = [poll_imports]", features.polls, "poll_imports"),
        (
            "from app.lib.wakeups import Wakeup\nWAKEUPS = [Wakeup('advance', due='true')]",
            features.wakeups,
            "advance",
        ),
    ],
)
def test_one_name_is_declared_once(package: Path, text: str, collect: object, name: str) -> None:
    plant(package, "planted_twin", jobs=text)
    with pytest.raises(features.DeclaredTwice, match=rf"{name}.*planted_twin"):
        collect()  # type: ignore[operator]


def test_an_actor_of_a_name_that_is_taken_is_refused(package: Path) -> None:
    plant(
        package, "planted_twin", jobs="import dramatiq\n@dramatiq.actor\ndef advance() -> None: ...\nACTORS = [advance]"
    )
    with pytest.raises((ValueError, features.DeclaredTwice), match="advance"):
        features.actors()


def test_a_wakeup_names_an_actor_that_is_there(package: Path) -> None:
    plant(
        package,
        "planted_lonely",
        jobs="from app.lib.wakeups import Wakeup\nWAKEUPS = [Wakeup('nobody', due='true')]",
    )
    with pytest.raises(RuntimeError, match="nobody"):
        features.wakeups()


def test_a_feature_s_timer_is_asked(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(package, "planted_stars", jobs=JOBS)
    asked: list[Wakeup] = []
    monkeypatch.setattr(scheduler.wakeups, "lead", lambda connection, lock: True)
    monkeypatch.setattr(scheduler.wakeups, "is_due", lambda connection, wakeup: asked.append(wakeup) or True)
    monkeypatch.setattr(scheduler.wakeups, "seconds_ahead", lambda connection, wakeups: None)
    notified: list[str] = []
    scheduler.Scheduler(notified.append).tick(None)  # type: ignore[arg-type]
    assert "count_stars" in notified and [wakeup.actor for wakeup in asked] == notified


def test_what_is_notified_has_an_actor() -> None:
    """A name that no worker knows would be sent and never done."""
    folder = Path(app.__file__).parent
    names = {
        str(call.args[-1].value)
        for path in folder.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", "") in {"notify", "enqueue", "acknowledge"}
        and call.args
        and isinstance(call.args[-1], ast.Constant)
    }
    assert "deliver" in names
    assert names <= {actor.actor_name for actor in features.actors()}


def test_every_group_of_the_reference_is_described() -> None:
    used = {tag for handler in features.routes() for tag in getattr(handler, "tags", None) or ()}
    assert used == {tag.name for tag in features.api_tags()}


def test_composition_roots_hold_no_sql() -> None:
    words = ("select ", "insert ", "update ", "delete ", "listen ")
    wrong = [
        f"{root}.py:{node.lineno}"
        for root in ROOTS
        for node in ast.walk(ast.parse((Path(app.__file__).parent / f"{root}.py").read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip().startswith(words)
    ]
    assert not wrong, wrong
