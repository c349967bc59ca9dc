"""There is no container engine in the tests: they read the files and hold them against the code."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "web", "worker", "scheduler")


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile and its text, with continued lines joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in lines]


def commands() -> list[list[str]]:
    """Every command that runs our Python: of services, of health checks, of the image."""
    found = [service["command"] for name, service in SERVICES.items() if name in OURS and "command" in service]
    found += [
        service["healthcheck"]["test"][1:]
        for name, service in SERVICES.items()
        if name in OURS and service.get("healthcheck", {}).get("test")
    ]
    for word, text in instructions():
        if word == "CMD":
            found.append(json.loads(text))
        elif word == "HEALTHCHECK":
            found.append(json.loads(text.partition("CMD ")[2]))
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_exists(command: list[str]) -> None:
    assert command[:2] == ["python", "-m"]
    module, arguments = command[2], command[3:]
    assert importlib.util.find_spec(module), module
    for argument in arguments:
        if re.match(r"app\.[a-z.]+(:\w+)?$", argument):
            target, _, attribute = argument.partition(":")
            assert importlib.util.find_spec(target), argument
            assert not attribute or hasattr(importlib.import_module(target), attribute), argument


@pytest.mark.parametrize("module", ["granian"])
def test_every_option_exists(module: str) -> None:
    known = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True).stdout
    used = [word for command in commands() if command[2] == module for word in command if word.startswith("--")]
    assert used
    assert not [option for option in used if option not in known]


def test_health_checks_ask_what_there_is() -> None:
    asked = [command[3] for command in commands() if command[2] == "app.ops.probe"]
    assert sorted(asked) == ["scheduler", "web", "worker"]


def test_services_start_in_order() -> None:
    assert set(SERVICES) == {*OURS, "postgres", "valkey", "nats"}
    assert SERVICES["nats"]["profiles"] == ["nats"], "only for who asks for it"
    for name in ("web", "worker", "scheduler"):
        assert SERVICES[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    for name in ("postgres", "valkey"):
        assert "healthcheck" in SERVICES[name]
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in SERVICES
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[needed]
    assert set(COMPOSE["volumes"]) == {"postgres", "nats"}
    assert "--appendonly no" in SERVICES["valkey"]["command"][2], "it holds nothing that could be damaged"


def test_every_variable_is_a_setting_and_is_explained() -> None:
    wanted = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    explained = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert wanted == explained
    settings = "".join((ROOT / "app" / name).read_text() for name in ("settings.py", "bus_settings.py"))
    for name in SERVICES["web"]["environment"]:
        assert f'"{name}"' in settings, name


def test_no_secret_has_a_default() -> None:
    for name in ("POSTGRES_PASSWORD", "VALKEY_PASSWORD", "THROUGHLINE_SECRET_KEY"):
        uses = re.findall(rf"\$\{{{name}([^}}]*)}}", (ROOT / "docker-compose.yml").read_text())
        assert uses and all(use.startswith(":?") for use in uses), name
        assert re.search(rf"^{name}=$", (ROOT / ".env.example").read_text(), re.MULTILINE)


def test_the_image_is_built_of_what_is_there_and_does_not_run_as_root() -> None:
    found = instructions()
    assert [word for word, _ in found].count("FROM") == 2
    assert ("USER", "throughline") in found
    let_in = (ROOT / ".dockerignore").read_text()
    for word, text in found:
        if word == "COPY" and not text.startswith("--from"):
            for source in text.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source.rstrip('/')}" in let_in, f"{source} is kept out by .dockerignore"
