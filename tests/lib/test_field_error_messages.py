"""What msgspec found wrong, said without its types."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lib.field_errors import field_error

M = msgspec.Meta
TYPES: list[Any] = [
    datetime, Annotated[datetime, M(tz=True)], Annotated[datetime, M(tz=False)], date, time, timedelta, UUID, Decimal, bytes, bool,
    Annotated[int, M(multiple_of=5)], Annotated[str, M(pattern="^a$")], Annotated[list[int], M(max_length=1)], tuple[int, int],
    Annotated[float, M(ge=1)], Annotated[str, M(min_length=3)], Literal["a", "b"], dict[str, int], int | None, str | list[int],
]  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00Z", "x", "aGk=", "09:00:00", "PT1H"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@given(st.sampled_from(TYPES), ANYTHING)
def test_no_field_error_names_types_of_the_program(wanted: Any, value: Any) -> None:
    try:
        msgspec.json.decode(msgspec.json.encode(value), type=wanted)
    except msgspec.ValidationError as error:
        message = field_error(str(error))["message"]
        assert message[0].isupper() and message.endswith(".")
        words = (
            "`",
            "Expected",
            "datetime",
            "timedelta",
            "RFC3339",
            "regex",
            " int ",
            " str ",
            "NoneType",
            "component",
        )
        assert not [word for word in words if word in message], message


@pytest.mark.parametrize(
    ("wanted", "text", "message"),
    [
        (Annotated[datetime, M(tz=True)], '"2026-01-01T00:00:00"', "Send a time with its zone, like 2026-11-25T09:00:00Z."),
        (datetime, "3", "Send a time such as 2026-11-25T09:00:00Z, not a whole number."),
        (date, '"tomorrow"', "Send a date, like 2026-11-25."),
        (tuple[int, int], "[1]", "Send exactly 2 entries."),
    ],
)  # fmt: skip
def test_what_to_send_is_said(wanted: Any, text: str, message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(text, type=wanted)
    assert field_error(str(caught.value))["message"] == message
