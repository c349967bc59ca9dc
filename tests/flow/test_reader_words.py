"""Settings are called by the labels of their forms, and ways out by the reader's words, also in sentences about runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.flow import form_labels, node_words, registry, trigger_registry
from app.flow.presentation import folder_on_disk
from app.lib import translation


@pytest.mark.parametrize("type_", sorted(registry.types()))
def test_each_setting_of_an_example_has_a_label(type_: str) -> None:
    example: dict[str, Any] = json.loads((folder_on_disk(type_) / "example.json").read_text())
    for language in translation.LANGUAGES:
        with translation.using(language):
            labels = form_labels.labels_of(type_)
            for name in example:
                assert labels.get(name) and labels[name] != name, (type_, name)


@pytest.mark.parametrize("type_", sorted(trigger_registry.types()))
def test_each_setting_of_an_example_of_a_trigger_has_a_label(type_: str) -> None:
    example: dict[str, Any] = json.loads((folder_on_disk(f"triggers/{type_}") / "example.json").read_text())
    for language in translation.LANGUAGES:
        with translation.using(language):
            labels = form_labels.labels_of_trigger(type_)
            for name in example.keys() - {"conditions", "match"}:
                assert labels.get(name) and labels[name] != name, (type_, name)


def test_labels_are_in_the_readers_language() -> None:
    assert form_labels.labels_of("send_email")["subject"] == "Subject"
    with translation.using("de"):
        assert form_labels.labels_of("send_email")["subject"] == "Betreff"
    assert form_labels.label_of("maxVisits", {}) == "Max visits"


class _Taken:
    output, started_at, completed_at = None, None, None

    def __init__(self, port: str) -> None:
        self.port = port


@pytest.mark.parametrize(
    ("type_", "data", "port", "label"),
    [
        ("condition", {"conditions": []}, "false", "Nein"),
        ("condition", {"conditions": []}, "error", "Fehler"),
        ("wait_for_event", {"event": "x"}, "timeout", "Zeit abgelaufen"),
        ("hold", {"question": "?", "choices": [{"id": "yes", "label": "No"}]}, "yes", "No"),
    ],
)
def test_ways_out_are_in_the_readers_language_but_words_that_people_typed_stay(
    type_: str, data: dict[str, Any], port: str, label: str
) -> None:
    with translation.using("de"):
        assert node_words.port_of(type_, data, port).label == label
        told = node_words.explanation_of(type_, data, _Taken(port))  # type: ignore[arg-type]
        assert type_ != "condition" or label in told
