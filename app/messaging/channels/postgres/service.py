"""Connectors to PostgreSQL databases: their settings, and a try that says the server's own words."""

from __future__ import annotations

from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta

from app.errors import FieldError, Invalid
from app.lib import egress, single_line
from app.lib.postgres_client import PostgresTarget, ReadFailed, Tls, server_version
from app.lib.translation import gettext, translatable
from app.messaging.channels import registry
from app.messaging.channels.connector import ConnectorForm, ConnectorSummary, Settings, UsualLimits
from app.messaging.channels.service import ServiceTrial, ServiceType

PostgresHost = Annotated[str, Meta(min_length=1, max_length=255, pattern=single_line.PATTERN)]
PostgresName = Annotated[str, Meta(min_length=1, max_length=63, pattern=single_line.PATTERN)]
_TLS_WORDS = {
    "verify": translatable("TLS, and the server must prove who it is"),
    "require": translatable("TLS, whoever the server is"),
    "disable": translatable("Not encrypted"),
}


class PostgresConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A database and who reads it. Another `host`, `port`, `database`, `user` or `tls` asks for the `password` again.
    `statementTimeout` is how long one query may take, in seconds. Nothing is ever written."""

    host: PostgresHost
    database: PostgresName
    user: PostgresName
    port: Annotated[int, Meta(ge=1, le=65_535)] = 5432
    password: Annotated[str, Meta(max_length=1_000, pattern=r"^[^\x00]*\Z")] = ""
    tls: Tls = "verify"
    statement_timeout: Annotated[int, Meta(ge=1, le=30)] = 10


class PostgresView(msgspec.Struct, rename="camel"):
    host: str
    port: int
    database: str
    user: str
    tls: str
    statement_timeout: int
    has_password: bool


@registry.service
class PostgresConnector(ServiceType):
    type, label, Config, noun = "postgres", "PostgreSQL", PostgresConfig, "database"
    secret, secret_word = "password", translatable("password")
    usual_limits = UsualLimits(max_concurrent=2)
    asks_again = translatable(
        "Enter the password again: a stored one goes to no other server, and to nobody else there."
    )
    form = ConnectorForm(
        title="Database",
        about=translatable("Reads rows of your own database: a workflow starts for each new one."),
        place="Server",
        trial_title=translatable("Test the connection"),
        trial_to="",
        words={
            "host": translatable("Write the name of the server, for example db.example.com."),
            "port": translatable("Write a number from 1 to 65535. PostgreSQL usually has 5432."),
            "database": translatable("Write the name of the database."),
            "user": translatable("Write the name of a user who may read, and nothing else."),
            "password": translatable("This is too long."),
            "tls": translatable("One of %(words)s.") % {"words": ", ".join(get_args(Tls))},
            "statementTimeout": translatable("Write a number of seconds from 1 to 30."),
        },
        choices={"tls": list(_TLS_WORDS.items())},
        defaults={"port": "5432", "tls": "verify", "statementTimeout": "10"},
    )

    @classmethod
    def checked(cls, settings: Settings) -> Settings:
        try:
            host = egress.host_name(settings["host"].strip())
        except ValueError as error:
            raise _refused("host", str(error)) from error
        if refusal := egress.egress_refusal(host):
            raise _refused("host", refusal)
        return {**settings, "host": host}

    @classmethod
    def aim_of(cls, settings: Settings) -> tuple[Any, ...]:
        return tuple(settings[name] for name in ("host", "port", "database", "user", "tls"))

    @classmethod
    def view(cls, settings: Settings, *, has_secret: bool) -> PostgresView:
        return PostgresView(
            host=settings["host"],
            port=settings["port"],
            database=settings["database"],
            user=settings["user"],
            tls=settings["tls"],
            statement_timeout=settings["statementTimeout"],
            has_password=has_secret,
        )

    @classmethod
    def summary(cls, settings: Settings) -> ConnectorSummary:
        place = f"{settings['host']}:{settings['port']}/{settings['database']}"
        return ConnectorSummary(place=place, detail=f"As {settings['user']}")

    @classmethod
    def account(cls, settings: Settings, secret: str) -> PostgresTarget:
        return PostgresTarget(
            host=settings["host"],
            port=settings["port"],
            database=settings["database"],
            user=settings["user"],
            password=secret,
            tls=settings["tls"],
            statement_s=float(settings["statementTimeout"]),
        )

    @classmethod
    async def tried(cls, account: PostgresTarget, timeout_s: float) -> ServiceTrial:
        """Connect and ask for the version."""
        account = msgspec.structs.replace(account, statement_s=min(account.statement_s, timeout_s))
        try:
            version = await server_version(account)
        except ReadFailed as error:
            return ServiceTrial(error.fault, str(error))
        return ServiceTrial(
            "sent",
            gettext(
                "%(host)s answered: PostgreSQL %(version)s. %(user)s can connect.",
                host=account.host,
                version=version,
                user=account.user,
            ),
        )


def _refused(field: str, message: str) -> Invalid:
    return Invalid(errors=[FieldError(path=f"config.{field}", message=message)])
