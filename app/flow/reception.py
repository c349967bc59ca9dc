"""What a trigger makes of JSON that other programs send to its address: whose it is, what is kept of it, how it is signed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.flow import paths
from app.flow.diagnostic import Diagnostic
from app.lib.conversions import follow, quoted
from app.lib.translation import gettext

Path = Annotated[
    str,
    Meta(max_length=paths.MAX_PATH, description="Where it stands in the JSON: `$.customer.email`, `$.items[0].sku`."),
]
MOST_NAMES = 50
"""Attributes, and properties, that one trigger takes out of a body."""


class Identity(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Where the body says who it is about. All three empty: it is about nobody."""

    external_id: Path | UnsetType = UNSET
    email: Path | UnsetType = UNSET
    phone: Path | UnsetType = UNSET

    def paths_by_field(self) -> dict[str, str]:
        """The paths that are given, by field of a contact."""
        fields = {"externalId": self.external_id, "email": self.email, "phone": self.phone}
        return {name: path for name, path in fields.items() if isinstance(path, str) and path.strip()}


HeaderName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9-]{1,100}\Z", description="The name of a header: `X-GitHub-Event`.")
]


class HmacSignature(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """A header that holds the HMAC of what `covers` says, such as `X-Hub-Signature-256`; a prefix as in `sha256=…` is passed over.

    With a time, calls more than five minutes away are refused. The time stands in `timeHeader`, or, when that is empty, in the header
    itself: `t=1700000000,v1=…`. With the algorithm `token` the header holds the secret itself, and nothing of the call is signed.
    """

    header: HeaderName
    algorithm: Literal["hmac-sha256", "token"] = "hmac-sha256"
    encoding: Literal["hex", "base64"] = "hex"
    covers: Literal["body", "time.body", "v0:time:body"] = "body"
    time_header: HeaderName | Literal[""] = ""

    @property
    def has_time(self) -> bool:
        """Is the time of the call signed?"""
        return self.algorithm != "token" and self.covers != "body"


Signature = Literal["standard", "none"] | HmacSignature


class Reception(msgspec.Struct, frozen=True):
    """What a trigger makes of a body."""

    identity: Identity = Identity()
    attributes: dict[str, str] = {}
    properties: dict[str, str] | Literal["all"] = "all"
    signature: Signature = "standard"
    create_contact: bool = True
    headers: dict[str, str] = {}
    """Properties that come from headers: name → header."""
    delivery_id: str = ""
    """Where the body says which delivery it is, of senders that sign it and send no id that is signed otherwise."""

    @property
    def of_contact(self) -> bool:
        """Does a body say whom it is about?"""
        return bool(self.identity.paths_by_field())

    def properties_of(self, body: Any, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What steps read as `event.…`. What is not there is left out. `headers` by lower-case name."""
        sent = {name: (headers or {}).get(header.lower()) for name, header in self.headers.items()}
        of_headers = {name: value for name, value in sent.items() if value is not None}
        if self.properties == "all":
            whole = body if isinstance(body, dict) else {"items": body} if isinstance(body, list) else {"value": body}
            return {**whole, **of_headers}
        values = {name: value_at(body, path) for name, path in self.properties.items()}
        return {**{name: value for name, value in values.items() if value is not None}, **of_headers}

    def diagnostics(self) -> Iterator[Diagnostic]:
        """What is wrong with its paths; places begin below the trigger's `data`."""
        paths_by_field = [(f"identity.{name}", path) for name, path in self.identity.paths_by_field().items()]
        if self.delivery_id:
            paths_by_field.append(("deliveryId", self.delivery_id))
        if len(self.headers) > MOST_NAMES:
            yield Diagnostic(
                "headers", gettext("At most %(most_names)s headers are read of one call.", most_names=MOST_NAMES)
            )
        for field, mapping in (("attributes", self.attributes), ("properties", self.properties)):
            if isinstance(mapping, dict):
                paths_by_field += [(f"{field}.{name}", path) for name, path in mapping.items()]
                if len(mapping) > MOST_NAMES:
                    yield Diagnostic(
                        field, gettext("At most %(most_names)s are taken out of one body.", most_names=MOST_NAMES)
                    )
        for place, path in paths_by_field:
            if (wrong := path_problem(path)) is not None:
                yield Diagnostic(place, wrong)


def body_names(path: str) -> list[str]:
    """The names of a path; none for the whole body."""
    below = path.strip().removeprefix("$")
    below = below.removeprefix(".")
    if not below:
        return []
    return paths.names_of(below) if not below.startswith("[") else paths.names_of("$" + below)[1:]


def value_at(body: Any, path: str) -> Any:
    """The value at a path, None where there is none."""
    return follow(body, body_names(path))


def path_problem(path: str) -> str | None:
    """What is wrong with a path, None when nothing is."""
    names = body_names(path)
    plain = ".".join(names)
    if not path.strip():
        return gettext("Write where the value stands, such as $.customer.email.")
    if names and paths.problem("x." + plain) is not None:
        return gettext(
            "%(path)s is no place in JSON. Write names with dots between, such as $.customer.email or $.items[0].sku.",
            path=quoted(path, 60),
        )
    return None
