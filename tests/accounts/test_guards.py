"""Who may enter: one function answers for the guard and for whatever stands before it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from litestar import get
from litestar.handlers import HTTPRouteHandler

from app.accounts import guards
from app.accounts.principal import Principal
from app.errors import Forbidden, SignedOut
from app.models.status import Role


def handler(**options: Any) -> HTTPRouteHandler:
    @get("/x", **options)
    async def answer() -> None:
        """Nothing."""

    return answer


def somebody(role: Role) -> Principal:
    return Principal(kind="user", id=UUID(int=1), tenant_id=1, role=role, name="Ada")


def test_what_is_public_is_everybodys() -> None:
    assert guards.access_refusal(None, handler(public=True)) is None
    assert guards.access_refusal(somebody(Role.VIEWER), handler(public=True)) is None


@pytest.mark.parametrize(("has", "wanted"), [(has, wanted) for has in Role for wanted in Role])
def test_a_role_opens_what_it_covers(has: Role, wanted: Role) -> None:
    refused = guards.access_refusal(somebody(has), handler(role=wanted))
    assert has.covers(wanted) == (refused is None)
    if refused is not None:
        assert isinstance(refused, Forbidden)
        assert wanted in refused.message
        assert has in refused.message


def test_a_stranger_is_asked_to_sign_in() -> None:
    assert isinstance(guards.access_refusal(None, handler(role=Role.VIEWER)), SignedOut)
    assert isinstance(guards.access_refusal(None, handler()), SignedOut)
