"""The pages of API keys under /settings, and the dialog about the keys of a member who leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response, Template
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import keys
from app.accounts.deps import AppRequest, Database
from app.errors import AppError, Invalid
from app.lib.translation import gettext, ngettext, translatable, translated_choices
from app.models.api_key import ApiKey
from app.models.scope import Scope
from app.models.status import Role
from app.settings import settings
from app.web import flash
from app.web.form_errors import errors_by_path
from app.web.fragments import page

_PRIVATE = {"Cache-Control": "no-store"}
NEVER = "never"
LIVES = [
    ("30", translatable("In 30 days")),
    ("90", translatable("In 90 days")),
    ("365", translatable("In a year")),
    (NEVER, translatable("Never")),
]
OVERLAPS = [
    ("0", translatable("At once")),
    ("1", translatable("In an hour")),
    ("24", translatable("In a day")),
    ("168", translatable("In a week")),
    ("720", translatable("In 30 days")),
]
ACCESS = [
    (
        "ingest",
        translatable("Send events"),
        translatable("For websites and apps: it sends events and can read nothing."),
    ),
    ("read-only", translatable("Read only"), translatable("Reads all that a viewer sees, and changes nothing.")),
    ("full", translatable("Full access"), translatable("All that its role allows.")),
    ("custom", translatable("Custom"), translatable("A role, and only the scopes you choose.")),
]
_SETTLING = {
    "revoke": (translatable("Revoke"), translatable("Programs that use {} are refused from this moment on.")),
    "hand_over": (
        translatable("Take over"),
        translatable("You become the maker of {}: as far as your role reaches, so does the key."),
    ),
    "keep": (translatable("Keep"), translatable("Nothing above the new role can be done with {}.")),
}
"""For each answer its label and what it means; the gap is for "this key" or "these keys"."""


class Asking(NamedTuple):
    """The choices for the keys of a member: for the dialog on the users page."""

    user_id: UUID
    role: Role | None
    """The role they would get; None when they would be removed."""
    keys: list[ApiKey]
    choices: Sequence[tuple[str, str, str]]
    """(value, label, what it means); the first one is chosen."""


def dialog_of(request: AppRequest, question: keys.KeysInQuestion, user_id: UUID, role: Role | None) -> Asking:
    """The dialog that `question` needs before a member gets `role`, or is removed (None)."""
    which = gettext("these keys") if len(question.keys) > 1 else gettext("this key")
    choices = [
        (choice, gettext(_SETTLING[choice][0]), gettext(_SETTLING[choice][1]).format(which))
        for choice in keys.choices(request.user, user_id, role)
    ]
    return Asking(user_id, role, list(question.keys), choices)


async def _keys(
    request: AppRequest, session: AsyncSession, error: AppError | None = None, form_values: dict[str, Any] | None = None
) -> Template:
    rows = await keys.listed(session, request.user.tenant_id)
    return page(
        request,
        "accounts/keys.html",
        status_code=error.status_code if error else 200,
        rows=rows,
        dependents=_made_with(rows),
        roles=[(role.value, role.value.capitalize()) for role in Role if request.user.may(role)],
        access=[(value, gettext(label), gettext(note)) for value, label, note in ACCESS],
        preset_of=_preset_of,
        scopes=list(Scope),
        lives=translated_choices(LIVES),
        overlaps=translated_choices(OVERLAPS),
        form_values=form_values or {},
        errors=errors_by_path(error),
    )


def _preset_of(scopes: list[str]) -> str | None:
    return next((name for name, preset in keys.PRESETS.items() if set(preset.scopes) == set(scopes)), None)


def _made_with(rows: list[keys.ListedKey]) -> dict[UUID, int]:
    """How many keys end with each key when those that were made with it end too."""
    children: dict[UUID, list[UUID]] = {}
    for row in rows:
        if row.key.created_by_key is not None:
            children.setdefault(row.key.created_by_key, []).append(row.key.id)

    def count(key_id: UUID) -> int:
        return sum(1 + count(child) for child in children.get(key_id, []))

    return {key_id: count(key_id) for key_id in children}


@get("/settings/keys", role=Role.ADMIN)
async def list_keys(request: AppRequest, db_session: Database) -> Template:
    """The workspace's API keys."""
    return await _keys(request, db_session)


@post("/settings/keys", role=Role.ADMIN, status_code=200)
async def create_key(request: AppRequest, db_session: Database) -> Template:
    """Make a key and show it, once."""
    form = await request.form()
    form_values: dict[str, Any] = {name: str(form.get(name, "")).strip() for name in ("name", "access", "role", "days")}
    form_values["scopes"] = [str(scope) for scope in form.getall("scopes", [])]
    try:
        role, scopes = _access(form_values)
        row, key = await keys.create(
            db_session,
            request.user,
            name=form_values["name"],
            role=role,
            scopes=scopes,
            days=_days(form_values["days"]),
        )
    except Invalid as error:
        return await _keys(request, db_session, error, form_values)
    return await _key_shown(request, db_session, row, key)


def _access(form_values: dict[str, Any]) -> tuple[str, list[str] | None]:
    preset = keys.PRESETS.get(form_values["access"])
    if preset is not None:
        return preset.role, list(preset.scopes)
    if form_values["access"] not in ("full", "custom"):
        raise Invalid(errors=[{"path": "access", "message": gettext("Choose what the key may do.")}])
    if form_values["access"] == "custom" and not form_values["scopes"]:
        raise Invalid(errors=[{"path": "scopes", "message": gettext("Choose at least one scope.")}])
    return form_values["role"], form_values["scopes"] if form_values["access"] == "custom" else None


def _days(text: str) -> int | None:
    if text == NEVER:
        return None
    return int(text) if text.isascii() and text.isdigit() else 0


async def _key_shown(
    request: AppRequest, session: AsyncSession, row: ApiKey, key: str, replaced: ApiKey | None = None
) -> Template:
    return page(
        request,
        "accounts/key_shown.html",
        headers=_PRIVATE,
        row=await keys.shown(session, row),
        sends_events=Role(row.role).covers(Role.MARKETER) and (row.scopes is None or Scope.EVENTS_WRITE in row.scopes),
        key=key,
        replaced=replaced,
        base_url=settings().web.base_url,
    )


@post("/settings/keys/{key_id:uuid}/rotate", role=Role.ADMIN, status_code=200)
async def rotate_key(request: AppRequest, db_session: Database, key_id: FromPath[UUID]) -> Template:
    """A new key in the place of one that works on for a while; the new one is shown, once."""
    form = await request.form()
    hours = str(form.get("overlap", ""))
    overlap = int(hours) if hours.isascii() and hours.isdigit() else keys.OVERLAP_HOURS
    row, key = await keys.rotate(db_session, request.user, key_id, overlap_hours=overlap)
    return await _key_shown(request, db_session, row, key, await db_session.get_one(ApiKey, key_id))


@post("/settings/keys/{key_id:uuid}/revoke", role=Role.ADMIN)
async def revoke_key(request: AppRequest, db_session: Database, key_id: FromPath[UUID]) -> Response[bytes]:
    """Revoke a key at once; also the keys made with it if the form says so."""
    form = await request.form()
    ended = await keys.revoke(db_session, request.user, key_id, with_made=bool(form.get("made")))
    more = len(ended) - 1
    toast = gettext("The key %(name)s was revoked.", name=ended[0].name)
    if more:
        toast += " " + ngettext("So was %(number)s made with it.", "So were %(number)s made with it.", more)
    return flash.go(request, "/settings/keys", toast)


ROUTES: list[Any] = [list_keys, create_key, rotate_key, revoke_key]
