"""Handlers ask for what they need by name, in one way."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from app import asgi, features

APP = Path(__file__).resolve().parents[2] / "app"
WEB = {path for path in APP.rglob("*.py") if path.stem in ("api", "pages") or path.stem.endswith(("_pages", "_api"))}

SERVICE_BY_HAND = r"\b[A-Z]\w*\((?:db_)?session, (?:request\.user|\w+\.tenant_id|principal|tenant_id)\b"
OWN_ALIAS = r"(?m)^\w+ = (?:Request\[|NamedDependency\[AsyncSession)"
SAID_AGAIN = r"include_in_schema"


@pytest.mark.parametrize("pattern", [SERVICE_BY_HAND, OWN_ALIAS, SAID_AGAIN, r"\bRequest\[\w+, Any, Any\]"])
def test_pages_and_api_have_one_way_to_ask(pattern: str) -> None:
    found = [f"{path.relative_to(APP)}: {match[0]}" for path in WEB for match in re.finditer(pattern, path.read_text())]
    assert WEB and not found, "take it from app.accounts.deps"


def test_every_service_is_declared_once_and_asked_for() -> None:
    names = features.services().keys()
    texts = "\n".join(path.read_text() for path in WEB)
    assert {"workflows", "contacts", "templates", "connectors", "messages", "runs"} <= names
    assert not [name for name in names if not re.search(rf"\b{name}: NamedDependency\[", texts)]


def test_a_name_that_two_features_give_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(__name__="app.other.api", SERVICES={"runs": object})
    known = list(features.modules("api"))
    monkeypatch.setattr(features, "modules", lambda *_: [*known, module])
    with pytest.raises(features.DeclaredTwice, match="runs"):
        features.services()


def test_pages_are_no_part_of_the_document() -> None:
    documented = [handler for handler in asgi.handlers() if getattr(handler, "include_in_schema", True) is not False]
    assert documented and all(path.startswith("/api/") for handler in documented for path in handler.paths)
