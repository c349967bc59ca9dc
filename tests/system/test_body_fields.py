"""A field of a body is never called like a service: what is wrong with it would be taken for a fault of ours, and answered by 500."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from litestar import Litestar

from app.models.status import Role
from tests.fixtures.people import ApiClients


def _bodies(app: Litestar) -> Iterator[tuple[str, Any, set[str]]]:
    """Each route that takes a body, what it takes, and the services that it may be handed."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            body = handler.parsed_fn_signature.parameters.get("data")
            if body is not None:
                yield route.path, body.annotation, set(handler.signature_model._dependency_name_set)


def _fields(body: Any) -> set[str]:
    structs = [kind for kind in (body, *get_args(body)) if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    return {field.encode_name for struct in structs for field in msgspec.structs.fields(struct)}


def test_no_field_is_called_like_a_service(test_app: Litestar) -> None:
    bodies = list(_bodies(test_app))
    assert len(bodies) > 20 and any("name" in _fields(body) for _, body, _ in bodies)
    assert any("trigger_service" in services for *_, services in bodies)
    assert not [(path, clash) for path, body, services in bodies if (clash := _fields(body) & services)]


@pytest.mark.parametrize("triggers", [5, "none", {"id": "a"}])
async def test_triggers_of_a_wrong_type_are_refused_by_their_name(api: ApiClients, triggers: Any) -> None:
    client = await api(Role.MARKETER)
    answer = await client.post("/api/v1/workflows", json={"name": "Flow", "triggers": triggers})
    assert answer.status_code == 422, answer.text
    assert "triggers" in answer.text
