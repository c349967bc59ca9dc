"""What a trigger makes of JSON that other programs send to its address: whose it is, what is kept of it, how it is signed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.flow import paths
from app.flow.diagnostic import Diagnostic
from app.lib.conversions import follow, quoted

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


class HmacSignature(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A header that holds the HMAC of the body, such as `X-Hub-Signature-256`; a prefix as in `sha256=…` is passed over."""

    header: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,100}\Z")]
    algorithm: Literal["hmac-sha256"] = "hmac-sha256"
    encoding: Literal["hex", "base64"] = "hex"


Signature = Literal["standard", "none"] | HmacSignature


class Reception(msgspec.Struct, frozen=True):
    """What a trigger makes of a body."""

    identity: Identity = Identity()
    attributes: dict[str, str] = {}
    properties: dict[str, str] | Literal["all"] = "all"
    signature: Signature = "standard"
    create_contact: bool = True

    @property
    def of_contact(self) -> bool:
        """Does a body say whom it is about?"""
        return bool(self.identity.paths_by_field())

    def properties_of(self, body: Any) -> dict[str, Any]:
        """What steps read as `event.…`. What is not there is left out."""
        if self.properties == "all":
            return body if isinstance(body, dict) else {"items": body} if isinstance(body, list) else {"value": body}
        values = {name: value_at(body, path) for name, path in self.properties.items()}
        return {name: value for name, value in values.items() if value is not None}

    def diagnostics(self) -> Iterator[Diagnostic]:
        """What is wrong with its paths; places begin below the trigger's `data`."""
        paths_by_field = [(f"identity.{name}", path) for name, path in self.identity.paths_by_field().items()]
        for field, mapping in (("attributes", self.attributes), ("properties", self.properties)):
            if isinstance(mapping, dict):
                paths_by_field += [(f"{field}.{name}", path) for name, path in mapping.items()]
                if len(mapping) > MOST_NAMES:
                    yield Diagnostic(field, f"At most {MOST_NAMES} are taken out of one body.")
        for place, path in paths_by_field:
            if (wrong := path_problem(path)) is not None:
                yield Diagnostic(place, wrong)


def names_of(path: str) -> list[str]:
    """The names of a path; none for the whole body."""
    below = path.strip().removeprefix("$")
    below = below.removeprefix(".")
    if not below:
        return []
    return paths.names_of(below) if not below.startswith("[") else paths.names_of("$" + below)[1:]


def value_at(body: Any, path: str) -> Any:
    """The value at a path, None where there is none."""
    return follow(body, names_of(path))


def path_problem(path: str) -> str | None:
    """What is wrong with a path, None when nothing is."""
    names = names_of(path)
    plain = ".".join(names)
    if not path.strip():
        return "Write where the value stands, such as $.customer.email."
    if names and paths.problem("x." + plain) is not None:
        return f"{quoted(path, 60)} is no place in JSON. Write names with dots between, such as $.customer.email or $.items[0].sku."
    return None
