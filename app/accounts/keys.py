"""API keys: `tl_<prefix>_<secret>`. The prefix finds the row, the secret is stored as SHA-256, the key is shown once.

A key never has more rights than its maker has today: its role is capped by the present role of its maker, and a key
made by a key has the same maker. Only keys of the command line have none: its user has the server anyway.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import repository
from app.accounts.key_repository import KeyRepository
from app.accounts.principal import Principal
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.lib import clock, crypto
from app.lib.formats import word_inside
from app.lib.translation import gettext
from app.models.api_key import ApiKey
from app.models.scope import Scope
from app.models.status import Role

DEFAULT_DAYS, MAX_DAYS = 90, 3650
OVERLAP_HOURS, MAX_OVERLAP_HOURS = 24, 720
"""How long a rotated key works beside the new one: a day to bring the new one out, 30 days at most."""
_ALPHABET = string.ascii_lowercase + string.digits

Settling = Literal["revoke", "hand_over", "keep"]
"""What happens to the keys of a member who leaves or gets a lower role: they are revoked, the admin who decides becomes their maker, or
(with a lower role) they stay and can do what that role can."""


class Preset(NamedTuple):
    """A role and scopes that many keys need."""

    role: Role
    scopes: tuple[Scope, ...]


PRESETS = {
    "ingest": Preset(Role.MARKETER, (Scope.EVENTS_WRITE,)),
    "read-only": Preset(
        Role.VIEWER, tuple(s for s in Scope if s.endswith(":read") and Role.VIEWER.covers(s.least_role))
    ),
}


class KeysInQuestion(Conflict):
    """This person made API keys that would reach further than they do. Say what shall become of them."""

    code = "keys_in_question"

    def __init__(self, keys: Sequence[ApiKey]) -> None:
        super().__init__()
        self.keys = keys


class ListedKey(NamedTuple):
    """One line of the list: a key, who made it, and what it can do today."""

    key: ApiKey
    maker: str | None
    """Name or email. None: the command line, or a user who was deleted (`key.created_by` tells)."""
    made_with: str | None
    """Name of the key that made it over the API."""
    effective: Role | None
    """The role it has today; None when its maker left and it opens nothing."""


def effective_role(role: Role, maker: UUID | None, maker_role: Role | None) -> Role | None:
    """The role of a key today: at most its maker's, none when the maker is no member (any more)."""
    if maker is None:
        return role
    if maker_role is None:
        return None
    return role if maker_role.covers(role) else maker_role


async def listed(session: AsyncSession, tenant_id: int) -> list[ListedKey]:
    """The workspace's keys that were not revoked, the newest first."""
    return await _read(KeyRepository(session, tenant_id), ApiKey.revoked_at.is_(None))


async def shown(session: AsyncSession, row: ApiKey) -> ListedKey:
    """One key as the list shows it, revoked or not."""
    return (await _read(KeyRepository(session, row.tenant_id), ApiKey.id == row.id))[0]


async def _read(rows: KeyRepository, *filters: ColumnElement[bool]) -> list[ListedKey]:
    return [
        ListedKey(key, maker, made_with, effective_role(Role(key.role), key.created_by, Role(role) if role else None))
        for key, maker, made_with, role in await rows.with_makers(*filters)
    ]


async def create(
    session: AsyncSession,
    principal: Principal,
    *,
    name: str,
    role: str,
    scopes: Iterable[str] | None = None,
    days: int | None = DEFAULT_DAYS,
) -> tuple[ApiKey, str]:
    """Make a key, good for `days` or without end (None). Returns the row and the key.

    It gets at most the role and the scopes of `principal`; `scopes` None means all that the role allows.
    """
    wanted = _role(role)
    if not principal.role.covers(wanted):
        raise Forbidden(
            gettext("A key can have at most your own role, %(role)s.", role=word_inside(principal.role, noun=True))
        )
    checked_scopes = _scopes(scopes, wanted)
    _no_more_than(principal, checked_scopes)
    row = _new(principal.tenant_id, name, wanted, checked_scopes, days)
    row.created_by, row.created_by_key = principal.user_id or principal.maker_id, principal.key_id
    return row, await _stored(session, row)


async def create_api_key(
    session: AsyncSession,
    workspace_slug: str | None,
    name: str,
    role: str,
    scopes: Iterable[str] | None = None,
    days: int | None = DEFAULT_DAYS,
) -> str:
    """For the command line: a key of the workspace, or of the first one when none is named. It has no maker."""
    workspace = (
        await repository.workspace_by_slug(session, workspace_slug)
        if workspace_slug
        else await repository.first_workspace(session)
    )
    if workspace is None:
        raise NotFound(
            gettext(
                "There is no workspace %(workspace_slug)s. Start the product once, or check the name.",
                workspace_slug=f"{workspace_slug or ''!r}",
            )
        )
    wanted = _role(role)
    return await _stored(session, _new(workspace.id, name, wanted, _scopes(scopes, wanted), days))


async def rotate(
    session: AsyncSession, principal: Principal, key_id: UUID, *, overlap_hours: int = OVERLAP_HOURS
) -> tuple[ApiKey, str]:
    """A new key with the name, role, scopes and length of life of another one, which works on for `overlap_hours`.

    Whoever rotates is the new one's maker. Returns the new row and the key.
    """
    if not 0 <= overlap_hours <= MAX_OVERLAP_HOURS:
        raise Invalid(
            errors=[
                {
                    "path": "overlapHours",
                    "message": gettext(
                        "Send a number of hours from 0 to %(max_overlap_hours)s.", max_overlap_hours=MAX_OVERLAP_HOURS
                    ),
                }
            ]
        )
    old = await _theirs(session, principal, key_id)
    if old.replaced_by is not None:
        raise Conflict(
            gettext("This key was rotated already. Rotate the key that took its place."), code="rotated_already"
        )
    scopes = None if old.scopes is None else list(old.scopes)
    _no_more_than(principal, scopes)
    life = max(1, round((old.expires_at - old.created_at) / timedelta(days=1))) if old.expires_at else None
    row = _new(principal.tenant_id, old.name, Role(old.role), scopes, life)
    row.created_by, row.created_by_key = principal.user_id or principal.maker_id, principal.key_id
    key = await _stored(session, row)
    until = clock.now() + timedelta(hours=overlap_hours)
    old.replaced_by, old.expires_at = row.id, min(old.expires_at or until, until)
    await session.flush()
    return row, key


async def revoke(session: AsyncSession, principal: Principal, key_id: UUID, *, with_made: bool = False) -> list[ApiKey]:
    """End a key now, and `with_made` the keys that were made with it. Returns those that ended, the named one first.

    NotFound when it is not of this workspace or has ended already; Forbidden for a role below the key's.
    """
    row = await _theirs(session, principal, key_id)
    ended = [row, *(await KeyRepository(session, row.tenant_id).made_with(row.id) if with_made else [])]
    for key in ended:
        key.revoked_at = clock.now()
    await session.flush()
    return ended


async def of_maker(session: AsyncSession, tenant_id: int, user_id: UUID, *, above: Role | None = None) -> list[ApiKey]:
    """The valid keys of a maker, by name; with `above` only those of a higher role."""
    rows = await KeyRepository(session, tenant_id).working(clock.now(), ApiKey.created_by == user_id)
    return [row for row in rows if above is None or not above.covers(Role(row.role))]


async def makers(session: AsyncSession, tenant_id: int) -> set[UUID]:
    """Who made keys that work."""
    working = await KeyRepository(session, tenant_id).working(clock.now())
    return {key.created_by for key in working if key.created_by is not None}


async def settle(
    session: AsyncSession, principal: Principal, user_id: UUID, answer: str | None, *, stays_as: Role | None = None
) -> int:
    """Before a member leaves (`stays_as` None) or gets a lower role: apply `answer` to the keys with more rights than that.

    Returns how many there were. Without an answer KeysInQuestion when there are any; Invalid for an answer that does not fit.
    """
    held_keys = await of_maker(session, principal.tenant_id, user_id, above=stays_as)
    if not held_keys:
        return 0
    if answer is None:
        raise KeysInQuestion(held_keys)
    if answer not in choices(principal, user_id, stays_as):
        raise Invalid(errors=[{"path": "keys", "message": gettext("Choose what shall become of the API keys.")}])
    if answer == "keep":
        return len(held_keys)
    for key in held_keys:
        if answer == "hand_over":
            key.created_by = principal.user_id
        else:
            key.revoked_at = clock.now()
    await session.flush()
    return len(held_keys)


def choices(principal: Principal, user_id: UUID, stays_as: Role | None) -> list[Settling]:
    """The choices for the keys of a member; the first is the default. Members cannot take over their own keys."""
    answers: list[Settling] = ["revoke"]
    if principal.user_id is not None and principal.user_id != user_id:
        answers.append("hand_over")
    return answers if stays_as is None else [*answers, "keep"]


async def _theirs(session: AsyncSession, principal: Principal, key_id: UUID) -> ApiKey:
    rows = KeyRepository(session, principal.tenant_id)
    row = await rows.get_one_or_none(ApiKey.id == key_id, ApiKey.revoked_at.is_(None), lock=True)
    if row is None:
        raise NotFound
    if not principal.role.covers(Role(row.role)):
        raise Forbidden(
            gettext(
                "Only an %(role)s may change this key, because it has that role.", role=word_inside(row.role, noun=True)
            )
        )
    return row


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise Invalid(
            errors=[{"path": "role", "message": gettext("Choose one of %(role)s.", role=", ".join(Role))}]
        ) from None


def _scopes(scopes: Iterable[str] | None, role: Role) -> list[str] | None:
    if scopes is None:
        return None
    wanted = set(scopes)
    unknown = sorted(wanted - set(Scope))
    if unknown or not wanted:
        refusal = (
            gettext("There is no scope %(unknown)s. ", unknown=", ".join(unknown))
            if unknown
            else gettext("Choose at least one. ")
        )
        raise Invalid(
            errors=[
                {
                    "path": "scopes",
                    "message": gettext("%(refusal)sThe scopes are %(scope)s.", refusal=refusal, scope=", ".join(Scope)),
                }
            ]
        )
    chosen = [scope for scope in Scope if scope in wanted]
    if useless := [scope for scope in chosen if not role.covers(scope.least_role)]:
        refusal = "; ".join(
            gettext(
                "%(scope)s needs the role %(least_role)s",
                scope=scope,
                least_role=word_inside(scope.least_role, noun=True),
            )
            for scope in useless
        )
        raise Invalid(
            errors=[
                {
                    "path": "scopes",
                    "message": gettext(
                        "The role %(role)s cannot use all of these: %(refusal)s.",
                        role=word_inside(role, noun=True),
                        refusal=refusal,
                    ),
                }
            ]
        )
    return [scope.value for scope in chosen]


def _no_more_than(principal: Principal, scopes: list[str] | None) -> None:
    if principal.scopes is not None and (scopes is None or not principal.scopes.issuperset(scopes)):
        raise Forbidden(
            gettext("A key can have at most your own scopes: %(sorted)s.", sorted=", ".join(sorted(principal.scopes)))
        )


def _new(tenant_id: int, name: str, role: Role, scopes: list[str] | None, days: int | None) -> ApiKey:
    name = name.strip()
    if not 1 <= len(name) <= 100:
        raise Invalid(errors=[{"path": "name", "message": gettext("Give the key a name of 1 to 100 characters.")}])
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise Invalid(
            errors=[
                {
                    "path": "expiresInDays",
                    "message": gettext("Send a number from 1 to %(max_days)s, or null for never.", max_days=MAX_DAYS),
                }
            ]
        )
    now = clock.now()
    row = ApiKey(tenant_id=tenant_id, name=name, role=role.value, scopes=scopes, created_at=now)
    row.expires_at = now + timedelta(days=days) if days else None
    return row


async def _stored(session: AsyncSession, row: ApiKey) -> str:
    """Give the row its prefix and secret, store it, and return the key."""
    row.prefix = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    secret = secrets.token_urlsafe(32)
    row.key_hash = crypto.fingerprint(secret)
    await KeyRepository(session, row.tenant_id).add(row)
    await session.refresh(row)
    return f"tl_{row.prefix}_{secret}"
