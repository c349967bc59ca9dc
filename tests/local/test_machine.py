"""How large this machine is, seen from a container too, and what its PostgreSQL gets of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.local import machine
from app.local.postgres import FOR_TESTS, MB, Postgres, durable

GB = 1024 * MB


@pytest.fixture
def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Control groups in which this process is in `/box/product`; a machine of 16 processors and 32 GB."""
    folder, process = tmp_path / "cgroup", tmp_path / "own"
    (folder / "box" / "product").mkdir(parents=True)
    process.write_text("1:name=systemd:/elsewhere\n0::/box/product\n")
    monkeypatch.setattr(machine, "_CGROUPS", folder)
    monkeypatch.setattr(machine, "_OF_PROCESS", process)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 32 * GB // 4096}[name])
    return folder


def test_without_limits_it_is_the_machine(cgroups: Path) -> None:
    (cgroups / "box" / "memory.max").write_text("max\n")
    (cgroups / "box" / "cpu.max").write_text("max 100000\n")
    assert (machine.processors(), machine.memory_bytes()) == (16, 32 * GB)


def test_the_lowest_limit_counts_wherever_it_is_set(cgroups: Path) -> None:
    (cgroups / "box" / "memory.max").write_text(f"{2 * GB}\n")
    (cgroups / "box" / "product" / "memory.max").write_text(f"{3 * GB}\n")
    (cgroups / "box" / "product" / "cpu.max").write_text("250000 100000\n")
    assert (machine.processors(), machine.memory_bytes()) == (3, 2 * GB)


def test_inside_a_container_its_own_group_is_the_root(cgroups: Path) -> None:
    (cgroups.parent / "own").write_text("0::/\n")
    (cgroups / "memory.max").write_text(f"{GB}\n")
    (cgroups / "cpu.max").write_text("50000 100000\n")
    assert (machine.processors(), machine.memory_bytes()) == (1, GB)


def test_old_kernels_say_it_elsewhere(cgroups: Path) -> None:
    (cgroups.parent / "own").write_text("4:memory:/docker/1\n")
    (cgroups / "memory").mkdir()
    (cgroups / "memory" / "memory.limit_in_bytes").write_text(f"{4 * GB}\n")
    assert machine.memory_bytes() == 4 * GB


def test_where_nothing_can_be_read_it_is_the_machine(cgroups: Path) -> None:
    (cgroups.parent / "own").unlink()
    assert (machine.processors(), machine.memory_bytes()) == (16, 32 * GB)


@pytest.mark.parametrize(
    ("memory", "free", "buffers", "log"),
    [
        (8 * GB, 100 * GB, "2048MB", "4096MB"),
        (64 * GB, 9 * GB, "4096MB", "2304MB"),
        (256 * MB, GB, "128MB", "1024MB"),
    ],
)
def test_postgres_is_sized_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int, free: int, buffers: str, log: str
) -> None:
    monkeypatch.setattr(machine, "memory_bytes", lambda: memory)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    options = durable(tmp_path)
    assert (options["shared_buffers"], options["max_wal_size"]) == (buffers, log)
    assert options.keys() - FOR_TESTS.keys() == {"max_wal_size"}
    assert "fsync" not in options


def test_those_of_tests_stay_small(tmp_path: Path) -> None:
    assert FOR_TESTS["shared_buffers"] == "128MB"
    assert Postgres(tmp_path, options=FOR_TESTS)._options == FOR_TESTS
