"""Work on what others wrote, in processes apart: what costs too much is ended there and harms nobody else."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.lib import clock, sandbox
from app.lib.sandbox import Broken, Busy, Sandbox, TooCostly
from tests.lib import sandbox_work as work


@pytest.fixture(scope="module")
def apart() -> Iterator[Sandbox]:
    made = Sandbox(processes=2, waiting=6, waiting_each=3)
    yield made
    made.close()


def test_the_work_is_done_elsewhere_and_sees_no_secrets(apart: Sandbox) -> None:
    process, names = apart.submit(work.whereabouts, share="a", seconds=5).result(60)
    assert process != os.getpid()
    assert not {"THROUGHLINE_SECRET_KEY", "DATABASE_URL", "REDIS_URL"} & set(names)


def test_what_it_raises_comes_back(apart: Sandbox) -> None:
    with pytest.raises(ValueError, match="no such thing"):
        apart.submit(work.refuse, "no such thing", share="a", seconds=5).result(60)
    with pytest.raises(Broken, match="Odd"):
        apart.submit(work.break_oddly, share="a", seconds=5).result(60)


def test_time_is_that_of_the_product(apart: Sandbox) -> None:
    wanted = clock.now().replace(year=2031)
    clock.use(lambda: wanted)
    try:
        assert apart.submit(work.what_time, share="a", seconds=5).result(60) == wanted
    finally:
        clock.use(None)


@pytest.mark.parametrize("costly", [work.spin, work.spin_in_c, work.hoard])
def test_what_costs_too_much_is_ended_and_the_next_work_is_done(apart: Sandbox, costly) -> None:
    other = apart.submit(work.whereabouts, share="b", seconds=5)
    with pytest.raises(TooCostly):
        apart.submit(costly, share="a", seconds=0.3).result(60)
    assert other.result(60)
    assert apart.submit(work.whereabouts, share="a", seconds=5).result(60)


def test_who_asks_a_hundred_times_waits_for_himself(apart: Sandbox, tmp_path: Path) -> None:
    gate = tmp_path / "open"
    mine = [apart.submit(work.wait_for, str(gate), share="mine", seconds=5)]
    with pytest.raises(Busy) as caught:
        for _ in range(100):
            mine.append(apart.submit(work.wait_for, str(gate), share="mine", seconds=5))
    assert caught.value.retry_after and caught.value.status_code == 503
    assert 3 <= len(mine) <= 5
    assert apart.submit(work.whereabouts, share="yours", seconds=5).result(60)  # though mine wait
    assert not any(one.done() for one in mine)
    gate.touch()
    assert all(one.result(60) for one in mine)


def test_nothing_is_left_when_it_is_closed() -> None:
    made = Sandbox(processes=1)
    process = made.submit(work.whereabouts, share="a", seconds=5).result(60)[0]
    stuck = [made.submit(work.wait_for, "/nowhere/at/all", share="a", seconds=5) for _ in range(2)]
    made.close()
    with pytest.raises((Busy, TooCostly, Broken)):
        stuck[1].result(60)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


async def test_a_child_ends_when_its_parent_is_killed() -> None:
    script = (
        "import sys; from app.lib.sandbox import Sandbox; from tests.lib import sandbox_work as work\n"
        "print(Sandbox(processes=1).submit(work.whereabouts, share='a', seconds=5).result(60)[0], flush=True)\n"
        "import time; time.sleep(600)"
    )
    parent = await asyncio.create_subprocess_exec(
        os.sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    child = int(await asyncio.wait_for(parent.stdout.readline(), 60))
    parent.kill()
    await parent.wait()
    for _ in range(200):
        if not Path(f"/proc/{child}").exists():
            break
        await asyncio.sleep(0.05)
    assert not Path(f"/proc/{child}").exists()


async def test_a_request_waits_without_stopping_the_others() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.create_task(others())
    began = time.thread_time()
    with pytest.raises(TooCostly):
        await sandbox.run(work.spin, share="a", seconds=0.3)
    beside.cancel()
    assert turns > 100
    assert time.thread_time() > began
