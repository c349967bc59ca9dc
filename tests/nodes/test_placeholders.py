"""Every text field of every step type takes placeholders, or its type says that it does not and why.

Fields are found by walking the types of the configs, so a new type and a new field are tried without being named here.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from app.builder.type_check import example_of
from app.flow import presentation, registry
from app.flow.conditions import Condition
from app.flow.declared import NodeScope
from app.flow.effects import SendMessage
from app.flow.outcomes import Done, Fail, Outcome
from app.flow.references import Ref
from app.flow.scope import CompileScope
from app.flow.verbatim import Verbatim
from app.lib.field_errors import is_left_out
from app.liquid.templates import MissingValue
from tests.nodes.person import person, run_of

PROBE = "{{ vars.probe }}"


class TextField(NamedTuple):
    """A text in a config: the names that lead to it (`*`: any key of an object, `0`: any item of a list), and its mark."""

    names: tuple[str, ...]
    verbatim: Verbatim | None


def text_fields(struct: type[msgspec.Struct], above: tuple[type, ...] = ()) -> Iterator[TextField]:
    """All texts that a config may hold. Conditions have fields and values of their own, which they compare; they are no texts."""
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        if not is_left_out(field.type):
            for names, mark in _in_hint(hints[field.name], None, (*above, struct)):
                yield TextField((field.encode_name, *names), mark)


def _in_hint(
    hint: Any, mark: Verbatim | None, above: tuple[type, ...]
) -> Iterator[tuple[tuple[str, ...], Verbatim | None]]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        notes = [note for note in arguments[1:] if isinstance(note, Verbatim | Ref)]
        if not any(isinstance(note, Ref) for note in notes):
            yield from _in_hint(arguments[0], next(iter(notes), mark), above)  # type: ignore[arg-type]
    elif hint is str or hint is Any:
        yield (), mark
    elif origin in (Union, types.UnionType):
        for part in arguments:
            yield from _in_hint(part, mark, above)
    elif origin in (list, tuple):
        yield from ((("0", *names), found) for names, found in _in_hint(arguments[0], mark, above))
    elif origin is dict:
        yield from ((("*", *names), found) for names, found in _in_hint(arguments[1], mark, above))
    elif isinstance(hint, type) and issubclass(hint, msgspec.Struct) and hint not in (*above, Condition):
        yield from ((field.names, mark or field.verbatim) for field in text_fields(hint, above))
    else:
        assert origin is Literal or hint not in (str, object), hint


def with_probe(data: Any, names: tuple[str, ...], probe: str = PROBE) -> Any:
    """The config with the probe at a place; what leads there is taken from the example or made."""
    if not names:
        return probe
    name, *rest = names
    if name == "0":
        items = list(data) if isinstance(data, list) else []
        return [with_probe(items[0] if items else None, tuple(rest), probe), *items[1:]]
    key = "probe" if name == "*" else name
    return {**(data if isinstance(data, dict) else {}), key: with_probe((data or {}).get(key), tuple(rest), probe)}


def fields() -> list[Any]:
    return [
        pytest.param(name, field, id=f"{name}:{'.'.join(field.names)}")
        for name, kind in registry.types().items()
        for field in text_fields(kind.Config)
    ]


def examples(name: str) -> Iterator[dict[str, Any]]:
    """Configs that a field may belong to: with everything that the example has, and with nothing else."""
    yield example_of(presentation.steps()[name])
    yield copy.deepcopy(presentation.steps()[name].defaults)
    yield {}


def compiled(name: str, data: dict[str, Any]) -> NodeScope | None:
    """What a step with this config declares; None when such a config makes no step."""
    scope, kind = NodeScope(), registry.get(name)
    try:
        kind.compile(registry.config_of(kind, data), scope)
    except (msgspec.ValidationError, ValueError):
        return None
    return scope


@pytest.mark.parametrize(("name", "field"), fields())
def test_a_text_is_filled_in_or_is_declared_as_it_stands(name: str, field: TextField) -> None:
    scopes = [compiled(name, with_probe(data, field.names)) for data in examples(name)]
    reads = any(scope is not None and "vars.probe" in scope.reads for scope in scopes)
    if field.verbatim is not None:
        assert field.verbatim.why and not reads, "it is filled in: take the mark away"
    else:
        assert reads, (
            f"{'.'.join(field.names)} takes no placeholders: read it by scope.text or scope.value, or mark it Verbatim"
        )


class Inner(msgspec.Struct):
    url: str | None = None
    notes: list[Annotated[str, Verbatim("a note")]] = []


class Outer(msgspec.Struct):
    arms: list[Inner] = []
    count: int = 0
    way: Literal["a", "b"] = "a"


def test_the_walk_finds_what_it_is_meant_to_find() -> None:
    """It would prove nothing if it overlooked fields."""
    found = {(name, field.names) for name, kind in registry.types().items() for field in text_fields(kind.Config)}
    assert {("add_tag", ("tag",)), ("update_contact", ("set", "*")), ("update_contact", ("append", "*"))} <= found
    assert {("emit_event", ("properties", "*")), ("transform", ("expression",)), ("send_email", ("subject",))} <= found

    assert list(text_fields(Outer)) == [
        TextField(("arms", "0", "url"), None),
        TextField(("arms", "0", "notes", "0"), Verbatim("a note")),
    ]
    assert with_probe({"arms": [{"url": "x"}, {"url": "y"}]}, ("arms", "0", "url"), "p") == {
        "arms": [{"url": "p"}, {"url": "y"}]
    }


# What becomes of placeholders that find nothing: empty, another text, or a failure ------------------------------------


@pytest.mark.parametrize(("name", "field"), [one for one in fields() if one.values[1].verbatim is None])
def test_a_required_value_that_is_missing_fails_the_step_for_good(name: str, field: TextField) -> None:
    """In every text: with the name of the path, and without a second try."""
    for data in examples(name):
        config = with_probe(data, field.names, "{{ vars.probe | or_fail }}")
        scope = compiled(name, config)
        if scope is None or "vars.probe" not in scope.reads:
            continue
        outcome: Outcome = run_of(registry.get(name), config)(person(attributes={"plan": "pro"}, event={"amount": 3}))
        if isinstance(outcome, Done):  # it is filled in when the message leaves
            messages = [effect.payload for effect in outcome.effects if isinstance(effect, SendMessage)]
            assert messages and messages[0][field.names[0]] == "{{ vars.probe | or_fail }}"
        else:
            assert isinstance(outcome, Fail) and outcome.permanent
            assert outcome.error == "There is no value for vars.probe, and this step needs one."
        return
    raise AssertionError("no config reads it")


@pytest.mark.parametrize("value", [None, "", " ", [], {}])
@pytest.mark.parametrize(
    "source",
    [
        "{{ vars.x | or_fail }}",
        "a {{ vars.x | or_fail }}",
        "{% if true %}{{ vars.x | or_fail | upcase }}{% endif %}",
    ],
)
def test_what_counts_as_missing(source: str, value: Any) -> None:
    with pytest.raises(MissingValue):
        CompileScope().value(source)(person(variables={"x": value}))
    with pytest.raises(MissingValue):
        CompileScope().value(source)(person())


def test_what_is_there_passes() -> None:
    for value in (0, False, "x", [1], {"a": 1}, 1.5):
        assert CompileScope().value("{{ vars.x | or_fail }}")(person(variables={"x": value})) == value
    assert CompileScope().value("{{ vars.x | default: 'friend' }}")(person()) == "friend"
    assert CompileScope().value("Hi {{ vars.x | default: 'friend' }}")(person()) == "Hi friend"
    assert CompileScope().value("Hi {{ vars.x }}!")(person()) == "Hi !"
    assert CompileScope().value("{{ vars.x }}")(person()) is None


# Bare names are found as in conditions: in the event, then in the contact ------------------------------------------


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ items[0].name }}", "A"),
        ("{{ items.0.name }}", "A"),
        ("{{items}}", [{"name": "A"}]),
        ("{{ total }}", 12.5),
        ("{{ total | times: 2 }}", 25),
        ("{{ plan }}", "pro"),
        ("{{ email }}", "ada@example.com"),
        ("{{ both }}", "event"),
        ("{{ nothing }}", None),
        ("Hi {{ plan | upcase }} {{ items[0].name }}", "Hi PRO A"),
        ("{% for item in items %}{{ item.name }}-{{ plan }}{% endfor %}", "A-pro"),
        ("{% assign total = 1 %}{{ total }}", "1"),
        ("{{ contact }}{{ true }}{{ nil }}", None),
    ],
)
def test_bare_names(source: str, value: Any) -> None:
    scope = NodeScope()
    read = scope.value(source)
    step = person(
        {"items": [{"name": "A"}], "total": 12.5, "both": "event"}, attributes={"plan": "pro", "both": "contact"}
    )
    seen = read(type("Guarded", (), {"state": step})())
    if value is None and "contact" in source:
        assert seen.endswith("true")
    else:
        assert seen == value
    assert all(path.split(".")[0] in ("contact", "event", "steps", "vars") for path in scope.reads)
