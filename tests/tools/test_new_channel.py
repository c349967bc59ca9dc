"""`./dev new channel`, tried on a copy of the repository: it is installed at once, and only the test that it wrote fails."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.builder import canvas
from app.connectors.form_check import fault_of
from app.flow import discovery
from app.messaging.channels import presentation, registry
from app.web.fragments import FragmentEngine
from tests.fixtures.plugins import plugins_in
from tests.messaging.test_channel_contract import check_channel, check_connector
from tests.plugins.test_new_type import run_its_test
from tools.dev import new_type

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("app", "frontend-nodes", "tests", "tools", "pyproject.toml")
SUITE = ("tests/messaging/test_carrier_pigeon.py", "tests/messaging/test_channel_contract.py")


def test_a_new_channel_is_complete_but_for_how_messages_leave(tmp_path: Path) -> None:
    paths = new_type.write("channel", "carrier_pigeon", plugins=tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in paths} == {
        "channels/carrier_pigeon/__init__.py",
        "channels/carrier_pigeon/channel.py",
        *(f"frontend/channels/carrier_pigeon/carrier_pigeon_service/{name}" for name in presentation.FILES),
        "tests/messaging/test_carrier_pigeon.py",
    }
    with plugins_in(tmp_path):
        assert presentation.refusals() == {}
        channel = registry.find("carrier_pigeon")
        assert channel is not None and (channel.label, channel.__name__) == ("Carrier pigeon", "CarrierPigeonChannel")
        check_channel(channel)
        check_connector(channel.connectors[0])
        engine = FragmentEngine(
            directory=[ROOT / "app" / "templates", *discovery.frontend_folders(discovery.plugin_folder())]
        )
        canvas.teach(engine)
        assert fault_of(engine, presentation.installed()["carrier_pigeon_service"]) == ""
        with pytest.raises(AssertionError, match="It is not written yet how messages are handed over"):
            run_its_test(next(path for path in paths if path.name.startswith("test_")))


def test_two_new_channels_have_numbers_of_their_own() -> None:
    numbers = {
        re.findall(r'"LABEL"|number, label.*= "\w+", (\d+),', text)[0]
        for name in ("sms", "carrier_pigeon", "smoke", "semaphore")
        for place, text in new_type.files("channel", name)
        if place.endswith("channel.py")
    }
    assert len(numbers) == 4 and all(100 <= int(number) <= registry.HIGHEST for number in numbers)


def test_in_the_product_nothing_else_is_touched_and_everything_else_loads(tmp_path: Path) -> None:
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    written = set(new_type.write("channel", "carrier_pigeon", root=tmp_path))
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert (
        files - set(before) == written
        and {path for path in files & set(before) if path.stat().st_mtime_ns != before[path]} == set()
    )
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SUITE]
    told = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert re.findall(r"^FAILED (\S+)", told, re.MULTILINE) == [
        f"{SUITE[0]}::test_carrier_pigeon_hands_a_message_over"
    ], told
    assert (
        "It is not written yet how messages are handed over" in told
        and " passed" in told
        and "error" not in told.splitlines()[-1]
    )
