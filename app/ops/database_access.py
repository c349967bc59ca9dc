"""Brings a database to what `app.models.access` declares: roles, who owns and may do what, and which rows each sees.

It runs after the migrations (`migrations/env.py`) and finds out by itself what is missing, so it does nothing at most starts, and what
it did once survives neither a changed declaration nor a restored dump. With THROUGHLINE_DATABASE_ROLES=off it takes the policies away:
then all connections work as the user of DATABASE_URL.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg import errors

from app.lib.database_roles import DatabaseRole
from app.models.access import ACCESS, FUNCTIONS, VIEWS, TableAccess
from app.ops import access_repository
from app.ops.access_repository import StoredAccess
from app.settings import UnsafeSettings, settings

TRIES = 5
"""Roles are of the whole server, and nothing keeps two databases of it from being migrated at once."""
LOCK_TIMEOUT = "10s"
_GRANTEES = frozenset(role.value for role in DatabaseRole if role is not DatabaseRole.OWNER)
_POLICIES = frozenset(name for access in ACCESS.values() for name in access.policies)


class CannotMakeRoles(UnsafeSettings):
    """The user of DATABASE_URL may not make the roles that the product works by."""

    def __init__(self, user: str, reason: str, statements: Sequence[str]) -> None:
        by_hand = "\n".join(f"{statement};" for statement in statements)
        super().__init__(
            f"The product works by roles of the database, which {user} may not make ({reason.strip()}). Let an administrator of the"
            f" server run this once, then start again:\n\n{by_hand}\n\nWhere nobody may do that, set"
            " THROUGHLINE_DATABASE_ROLES=off: then nothing but the product itself keeps workspaces apart (docs/operations.md)."
        )


def apply(connection: psycopg.Connection[Any]) -> None:
    """Make roles, grants and policies what they should be. Raises CannotMakeRoles. The connection is of the user of DATABASE_URL."""
    if settings().database.roles:
        ensure_roles(connection)
    with connection.transaction():
        connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
        tables = access_repository.stored(connection)
        if not settings().database.roles:
            for name, table in tables.items():
                if table.policies_hold:
                    connection.execute(f"alter table {name} no force row level security, disable row level security")
            return
        for statement in _schema(connection):
            connection.execute(statement)
        for name, access in (ACCESS | VIEWS).items():
            if name in tables:
                for statement in changes(name, access, tables[name]):
                    connection.execute(statement)
        for signature, (owner, callers) in access_repository.functions(connection).items():
            for statement in changes_of_function(signature, owner, callers):
                connection.execute(statement)
        for part in access_repository.months_of_others(connection):
            connection.execute(f'alter table "{part}" owner to {DatabaseRole.OWNER}')


def changes(name: str, access: TableAccess, table: StoredAccess) -> Iterator[str]:
    """The statements that bring a table from what it is to what it should be."""
    if table.owner != DatabaseRole.OWNER:
        yield f"alter table {name} owner to {DatabaseRole.OWNER}"
    stored_grants = {grant for grant in table.grants if grant[0] in _GRANTEES}
    declared_grants = grants(access)
    for verb, preposition, some in (
        ("revoke", "from", stored_grants - declared_grants),
        ("grant", "to", declared_grants - stored_grants),
    ):
        for role, right, column in sorted(some):
            yield f"{verb} {right}{f' ({column})' if column else ''} on {name} {preposition} {role}"
    for policy in sorted(table.policies.keys() & _POLICIES - access.policies.keys()):
        yield f"drop policy {policy} on {name}"
    for policy, (roles, condition) in access.policies.items():
        mark = hashlib.sha256(f"{roles} {condition}".encode()).hexdigest()[:16]
        if table.policies.get(policy) != mark:
            yield f"drop policy if exists {policy} on {name}"
            yield f"create policy {policy} on {name} to {', '.join(roles)} using ({condition}) with check ({condition})"
            yield f"comment on policy {policy} on {name} is '{mark}'"
    if (table.policies_hold, table.forced) != ((True, True) if access.policies else (False, False)):
        verbs = ("enable", "force") if access.policies else ("disable", "no force")
        yield f"alter table {name} " + ", ".join(f"{verb} row level security" for verb in verbs)


def changes_of_function(signature: str, owner: str, callers: set[str]) -> Iterator[str]:
    """The statements that bring a function from what it is to what it should be: the owner's, for those alone who are declared."""
    if owner != DatabaseRole.OWNER:
        yield f"alter function {signature} owner to {DatabaseRole.OWNER}"
    declared = {role.value for role in FUNCTIONS[signature]}
    for role in sorted(callers - declared):
        yield f"revoke execute on function {signature} from {role}"
    for role in sorted(declared - callers):
        yield f"grant execute on function {signature} to {role}"


def grants(access: TableAccess) -> set[tuple[str, str, str]]:
    """(role, verb, column) of what is declared; no column: the whole table."""
    return {
        (role.value, verb, column)
        for role, rights in access.rights.items()
        for verb, columns in rights.items()
        for column in columns or ("",)
    }


def _schema(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """Only the owner makes tables. Clusters that are older than PostgreSQL 15 let everybody."""
    schema, may_create, all_may, strangers = access_repository.schema(connection)
    if not may_create or all_may:
        yield f'grant usage, create on schema "{schema}" to {DatabaseRole.OWNER}'
    if all_may:
        yield f'revoke create on schema "{schema}" from public'
    for role in strangers:
        yield f'grant usage on schema "{schema}" to {role}'


def ensure_roles(connection: psycopg.Connection[Any]) -> None:
    """Make the roles of the server that are missing, and let the user of this connection take them on. Raises CannotMakeRoles."""
    for attempt in range(TRIES):
        statements = missing_roles(connection)
        try:
            with connection.transaction():
                for statement in statements:
                    connection.execute(statement)
            return
        except (errors.DuplicateObject, errors.UniqueViolation, errors.InternalError_):
            # Another database of this server is at the same, and will have done it when we look again.
            if attempt == TRIES - 1:
                raise
        except errors.InsufficientPrivilege as error:
            user = access_repository.current_user(connection)
            raise CannotMakeRoles(user, error.diag.message_primary or "", statements) from error


def missing_roles(connection: psycopg.Connection[Any]) -> list[str]:
    """The statements that make the roles, and let the user of this connection take them on, as far as that is not so."""
    bypasses = access_repository.bypasses_by_role(connection)
    user = access_repository.current_user(connection)
    # A superuser takes on any role. From 16 on a member may be kept from it.
    takes_on = "set" if connection.info.server_version >= 160_000 else "member"
    statements = list[str]()
    for role in DatabaseRole:
        if role not in bypasses:
            statements.append(f"create role {role}{' bypassrls' if role is DatabaseRole.ENGINE else ''}")
        elif role is DatabaseRole.ENGINE and not bypasses[role]:
            statements.append(f"alter role {role} bypassrls")
        member = access_repository.is_superuser(connection) or (
            role in bypasses and access_repository.has_role(connection, role, takes_on)
        )
        if not member:
            statements.append(f"grant {role} to {user}")
    # Which sessions still live, and who holds up whom (`engine.crashes`, `engine.work_status`).
    engine = DatabaseRole.ENGINE
    if engine not in bypasses or not access_repository.has_role(connection, "pg_read_all_stats", "usage", engine):
        statements.append(f"grant pg_read_all_stats to {engine}")
    return statements
