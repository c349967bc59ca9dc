"""What a rendered form asks for: read at start, to see that forms and the settings that they fill in belong together."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"input", "img", "br", "hr", "path", "circle", "use", "line", "rect"}


class FormControls(HTMLParser):
    """Names of the controls of a form as forms.js reads them, names of lists and maps among them; and controls without a label."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self._labels: set[str] = set()
        self._rows = 0
        self._open: list[tuple[str, bool]] = []
        self._pending: list[tuple[str, str]] = []
        self.feed(source)
        self.unlabelled = [name for identifier, name in self._pending if identifier not in self._labels]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {key: value or "" for key, value in attrs}
        holder = "data-list" in attributes or "data-map" in attributes or tag == "template"
        if self._rows == 0 and (name := attributes.get("data-list") or attributes.get("data-map")):
            self.names.add(name)
        if tag == "label":
            self._labels.add(attributes.get("for", ""))
        if tag in ("input", "select", "textarea") and attributes.get("type") != "hidden":
            inside_label = any(name == "label" for name, _ in self._open)
            if "aria-label" not in attributes and not inside_label:
                self._pending.append((attributes.get("id", ""), attributes.get("name", "")))
            if self._rows == 0 and attributes.get("name"):
                self.names.add(attributes["name"])
        if tag not in VOID:
            self._open.append((tag, holder))
            self._rows += holder

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        while self._open and tag not in VOID:
            name, holder = self._open.pop()
            self._rows -= holder
            if name == tag:
                break
