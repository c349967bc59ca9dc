"""SQL about roles, grants and policies: what a database has of what `app.models.access` declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import psycopg

from app.lib.database_roles import DatabaseRole
from app.models.access import ACCESS, FUNCTIONS, VIEWS


class StoredAccess(NamedTuple):
    """What a database has of a table: owner, whether policies hold and hold for the owner, their marks by name, and the grants."""

    owner: str
    policies_hold: bool
    forced: bool
    policies: Mapping[str, str]
    grants: frozenset[tuple[str, str, str]]
    """(role, verb, column); no column: the whole table."""


_TABLES = """
select c.relname, c.relowner::regrole::text, c.relrowsecurity, c.relforcerowsecurity,
  array(select array[p.polname::text, coalesce(obj_description(p.oid, 'pg_policy'), '')] from pg_policy p where p.polrelid = c.oid),
  array(select array[g.rolname::text, a.privilege_type, ''] from aclexplode(c.relacl) a join pg_roles g on g.oid = a.grantee
        union all select array[g.rolname::text, a.privilege_type, t.attname::text] from pg_attribute t, aclexplode(t.attacl) a
          join pg_roles g on g.oid = a.grantee where t.attrelid = c.oid and not t.attisdropped)
from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'v') and c.relname = any(%s)
"""
# Months belong to whoever made them before there were roles.
_PARTS = """
select p.relname from pg_class p join pg_inherits i on i.inhrelid = p.oid join pg_class c on c.oid = i.inhparent
where c.relnamespace = current_schema()::regnamespace and c.relname = any(%s) and p.relkind = 'r' and p.relowner <> %s::regrole
"""
_FUNCTIONS = """
select w.signature, p.proowner::regrole::text,
  array(select coalesce(g.rolname::text, 'public') from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        left join pg_roles g on g.oid = a.grantee where a.grantee <> p.proowner)
from unnest(%s::text[]) as w(signature) join pg_proc p on p.oid = to_regprocedure(w.signature)
"""
_SCHEMA = """
select current_schema(), has_schema_privilege(%s, current_schema(), 'create'),
  exists (select from pg_namespace n, aclexplode(n.nspacl) a
          where n.nspname = current_schema() and a.grantee = 0 and a.privilege_type = 'CREATE'),
  array(select rolname::text from pg_roles where rolname = any(%s) and not has_schema_privilege(oid, current_schema(), 'usage'))
"""


def stored(connection: psycopg.Connection[Any]) -> dict[str, StoredAccess]:
    """What the database has, of the tables and views that are declared."""
    rows = connection.execute(_TABLES, [[*ACCESS, *VIEWS]]).fetchall()
    return {
        name: StoredAccess(owner, holds, forced, dict(policies), frozenset(map(tuple, grants)))
        for name, owner, holds, forced, policies, grants in rows
    }


def months_of_others(connection: psycopg.Connection[Any]) -> list[str]:
    """Parts of the declared tables that are not the owner's."""
    return [name for (name,) in connection.execute(_PARTS, [list(ACCESS), DatabaseRole.OWNER]).fetchall()]


def functions(connection: psycopg.Connection[Any]) -> dict[str, tuple[str, set[str]]]:
    """Of the declared functions that are there: the owner, and who else may call it (`public`: everybody)."""
    rows = connection.execute(_FUNCTIONS, [list(FUNCTIONS)]).fetchall()
    return {signature: (owner, set(callers)) for signature, owner, callers in rows}


def schema(connection: psycopg.Connection[Any]) -> tuple[str, bool, bool, list[str]]:
    """The schema's name; may the owner make tables in it; may everybody; and the roles that may not use it."""
    rows = connection.execute(_SCHEMA, [DatabaseRole.OWNER, list(DatabaseRole)]).fetchall()
    name, owner_may, all_may, strangers = rows[0]
    return name, owner_may, all_may, strangers


def bypasses_by_role(connection: psycopg.Connection[Any]) -> dict[str, bool]:
    """Of the roles that the server has: do policies not hold for them?"""
    sql = "select rolname, rolbypassrls from pg_roles where rolname = any(%s)"
    return dict(connection.execute(sql, [list(DatabaseRole)]).fetchall())


def has_role(connection: psycopg.Connection[Any], role: str, how: str, who: str | None = None) -> bool:
    """May `who`, or the user of the connection, take on a role (`set`, `member`), or do what it may (`usage`)?"""
    sql = "select pg_has_role(coalesce(%s, current_user), %s, %s)"
    return bool(connection.execute(sql, [who, role, how]).fetchall()[0][0])


def current_user(connection: psycopg.Connection[Any]) -> str:
    """As a statement names it."""
    return str(connection.execute("select quote_ident(current_user)").fetchall()[0][0])


def is_superuser(connection: psycopg.Connection[Any]) -> bool:
    """Is the user of the connection one?"""
    return bool(connection.execute("select rolsuper from pg_roles where rolname = current_user").fetchall()[0][0])
