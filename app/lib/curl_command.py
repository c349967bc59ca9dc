"""Reads a curl command, as documentation and browsers give them, into what a request consists of. Pure; nothing is run or read.

Files (`@name`), forms of parts (`-F`) and what switches checks off are refused in words. Credentials in headers, `-u` and cookies are not
taken over: they belong into a connector, and the notes say which.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import msgspec

from app.lib.http_redaction import is_secret_name
from app.lib.translation import gettext, translatable

LONGEST = 100_000
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
_SHORT = {
    "X": "request", "H": "header", "d": "data", "u": "user", "G": "get", "F": "form", "A": "user-agent", "e": "referer", "b": "cookie",
    "I": "head", "L": "location", "m": "max-time", "k": "insecure", "s": "silent", "S": "show-error", "v": "verbose", "i": "include",
    "f": "fail", "o": "output", "w": "write-out", "g": "globoff", "N": "no-buffer", "#": "progress-bar",
}  # fmt: skip
_WITH_VALUE = frozenset((
    "request", "header", "data", "data-raw", "data-ascii", "data-binary", "data-urlencode", "json", "user", "url", "form", "form-string",
    "user-agent", "referer", "cookie", "max-time", "connect-timeout", "output", "write-out", "oauth2-bearer", "retry",
))  # fmt: skip
_IGNORED = frozenset((
    "silent", "show-error", "verbose", "include", "fail", "compressed", "output", "write-out", "globoff", "no-buffer", "progress-bar",
    "connect-timeout", "http1.1", "http2", "retry", "fail-with-body", "no-progress-meter", "tlsv1.2", "tlsv1.3",
))  # fmt: skip
_DATA = frozenset(("data", "data-raw", "data-ascii", "data-binary", "data-urlencode", "json"))
_REFUSED = {
    "form": translatable(
        "Forms with parts (-F) are not sent by this step. Send JSON, a form of names and values, or text."
    ),
    "form-string": translatable(
        "Forms with parts are not sent by this step. Send JSON, a form of names and values, or text."
    ),
    "insecure": translatable("Certificates are always checked here, so -k cannot be kept. Leave it out."),
}
_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "e": "\x1b",
}


class CurlUnreadable(ValueError):
    """This is no curl command that can be taken over; the text is a sentence."""


@dataclass(slots=True)
class CurlRequest:
    """What a command asks for. `body`: its type and value as the step has them. `notes`: sentences about what was not taken over."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    follow_redirects: bool = False
    timeout: int | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, Any]:
        """The same as settings of the step."""
        timeout = {} if self.timeout is None else {"timeout": self.timeout}
        return {
            "method": self.method, "url": self.url, "headers": self.headers, "query": {}, "body": self.body or {"type": "none"},
            "followRedirects": self.follow_redirects, **timeout,
        }  # fmt: skip


@dataclass(slots=True)
class _Options:
    urls: list[str] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[tuple[str, str]] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)


def read_curl(text: str) -> CurlRequest:
    """The request of a command. Raises CurlUnreadable."""
    if len(text) > LONGEST:
        raise CurlUnreadable(gettext("The command is longer than %(longest)s kB.", longest=LONGEST // 1_000))
    words = shell_words(text.strip().removeprefix("$ "))
    if not words or words[0].rpartition("/")[2] not in ("curl", "curl.exe"):
        raise CurlUnreadable(gettext("Paste a command that begins with curl."))
    options = _options(words[1:])
    if len(options.urls) != 1:
        raise CurlUnreadable(
            gettext("The command has no URL.")
            if not options.urls
            else gettext("The command has several URLs. Paste one request.")
        )
    url = options.urls[0] if "://" in options.urls[0] else f"https://{options.urls[0]}"
    method = _method(options)
    request = CurlRequest(method, url, follow_redirects="location" in options.flags)
    data = _data(options)
    if "get" in options.flags and data:
        request.url += ("&" if "?" in url else "?") + data
        data = ""
    _set_headers(request, options)
    if data or (options.data and "get" not in options.flags):
        _set_body(request, options, data)
    if "max-time" in options.values:
        request.timeout = _seconds(options.values["max-time"])
    if request.method in ("GET", "HEAD") and request.body:
        raise CurlUnreadable(
            gettext(
                "A %(method)s request has no body here. Leave the data out, or use another method.",
                method=request.method,
            )
        )
    return request


def shell_words(text: str) -> list[str]:
    """The words of a command as a shell reads them: quotes, `$'…'`, backslashes, lines that go on. Raises CurlUnreadable."""
    words, word, begun, at = list[str](), list[str](), False, 0
    while at < len(text):
        char = text[at]
        if char == "\\" and text[at + 1 : at + 3] == "\r\n":
            at += 3
        elif char == "\\" and at + 1 < len(text):
            if text[at + 1] != "\n":
                word.append(text[at + 1])
                begun = True
            at += 2
        elif char in "'\"" or text[at : at + 2] == "$'":
            at = _quoted(text, at, word)
            begun = True
        elif char.isspace():
            if begun:
                words.append("".join(word))
            word, begun, at = [], False, at + 1
        elif char in "|;&<>`" or text[at : at + 2] == "$(":
            raise CurlUnreadable(
                gettext(
                    "Paste the curl command alone: %(char)s is about other commands or files. Put URLs between quotes.",
                    char=char,
                )
            )
        else:
            word.append(char)
            begun, at = True, at + 1
    if begun:
        words.append("".join(word))
    return words


def _quoted(text: str, at: int, word: list[str]) -> int:
    """Reads what stands between quotes from `at`; answers where it ends."""
    ansi = text[at] == "$"
    mark, at = ("'", at + 2) if ansi else (text[at], at + 1)
    while at < len(text) and text[at] != mark:
        char, behind = text[at], text[at + 1 : at + 2]
        if char == "\\" and ansi and behind:
            at = _escaped(text, at, word)
        elif char == "\\" and mark == '"' and behind and behind in '\\"$`\n':
            word.append("" if behind == "\n" else behind)
            at += 2
        else:
            word.append(char)
            at += 1
    if at >= len(text):
        raise CurlUnreadable(gettext("A quote is opened and not closed."))
    return at + 1


def _escaped(text: str, at: int, word: list[str]) -> int:
    """One escape of `$'…'`."""
    behind = text[at + 1]
    digits = {"u": 4, "U": 8, "x": 2}.get(behind)
    if digits:
        hexadecimal = text[at + 2 : at + 2 + digits]
        try:
            word.append(chr(int(hexadecimal, 16)))
        except ValueError as error:
            raise CurlUnreadable(f"\\{behind}{hexadecimal} is no character.") from error
        return at + 2 + digits
    word.append(_ESCAPES.get(behind, "\\" + behind))
    return at + 2


def _options(words: list[str]) -> _Options:
    options, at = _Options(), 0
    while at < len(words):
        word, at = words[at], at + 1
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name in _WITH_VALUE and not equals:
                value, at = _next(words, at, word), at + 1
            _add(options, name, value, word)
        elif word.startswith("-") and len(word) > 1:
            at = _short(options, words, at, word)
        else:
            options.urls.append(word)
    return options


def _short(options: _Options, words: list[str], at: int, word: str) -> int:
    """Letters behind one dash: `-sSL`, `-XPOST`, `-H 'a: b'`."""
    for place, letter in enumerate(word[1:], 2):
        name = _SHORT.get(letter, "")
        if name in _WITH_VALUE:
            value = word[place:]
            if not value:
                value, at = _next(words, at, f"-{letter}"), at + 1
            _add(options, name, value, f"-{letter}")
            return at
        _add(options, name, "", f"-{letter}")
    return at


def _next(words: list[str], at: int, flag: str) -> str:
    if at >= len(words):
        raise CurlUnreadable(gettext("Something is missing behind %(flag)s.", flag=flag))
    return words[at]


def _add(options: _Options, name: str, value: str, flag: str) -> None:
    if name in _REFUSED:
        raise CurlUnreadable(_REFUSED[name])
    if name == "url":
        options.urls.append(value)
    elif name == "header":
        header, colon, rest_of_line = value.partition(":")
        if not colon and not value.endswith(";"):
            raise CurlUnreadable(gettext("%(value)s is no header. Write it like 'Name: value'.", value=value[:60]))
        options.headers.append((header.rstrip(";").strip(), rest_of_line.strip()))
    elif name in _DATA:
        if (name not in ("data-raw", "json") and value.startswith("@")) or (name == "json" and value.startswith("@")):
            raise CurlUnreadable(
                gettext("%(value)s is a file, and files are not read here. Paste what stands in it.", value=value[:60])
            )
        options.data.append((name, value))
    elif name in _WITH_VALUE and name not in _IGNORED:
        options.values[name] = value
    elif name in ("get", "head", "location"):
        options.flags.add(name)
    elif name not in _IGNORED:
        raise CurlUnreadable(
            gettext("%(flag)s is not known here. Leave it out if the request does not need it.", flag=flag[:60])
        )


def _method(options: _Options) -> str:
    usual = "HEAD" if "head" in options.flags else "POST" if options.data and "get" not in options.flags else "GET"
    method = options.values.get("request", usual).upper()
    if method not in METHODS:
        raise CurlUnreadable(
            gettext("%(method)s is none of %(methods)s.", method=method[:40], methods=", ".join(METHODS))
        )
    return method


def _data(options: _Options) -> str:
    """What is sent, as curl puts it together."""
    parts = []
    for name, value in options.data:
        if name == "data-urlencode":
            left, equals, right = value.partition("=")
            value = f"{left}={quote_plus(right)}" if equals and left else quote_plus(right if equals else value)
        elif name in ("data", "data-ascii"):
            value = value.replace("\r", "").replace("\n", "")
        parts.append(value)
    only_json = all(name == "json" for name, _ in options.data)
    return ("" if only_json else "&").join(parts)


def _set_headers(request: CurlRequest, options: _Options) -> None:
    headers = list(options.headers)
    for option, header in (("user-agent", "User-Agent"), ("referer", "Referer"), ("cookie", "Cookie")):
        if option in options.values:
            headers.append((header, options.values[option]))
    if "user" in options.values or "oauth2-bearer" in options.values:
        headers.append(("Authorization", "Bearer" if "oauth2-bearer" in options.values else "Basic"))
    for name, value in headers:
        if not is_secret_name(name):
            request.headers[name] = value
        else:
            request.notes.append(
                gettext(
                    "%(name)s was left out: everybody who edits the workflow could read it.",
                    name=_of_connector(name, value),
                )
            )


def _of_connector(name: str, value: str) -> str:
    kinds = {"basic": gettext("User name and password"), "bearer": gettext("Bearer token")}
    kind = kinds.get(value.partition(" ")[0].lower()) if name.lower() == "authorization" else None
    return gettext(
        "The header %(name)s holds credentials. Put it into a connector (%(kind)s), choose that above; it",
        name=name,
        kind=kind or gettext("A header of its own"),
    )


def _set_body(request: CurlRequest, options: _Options, data: str) -> None:
    by_json = any(name == "json" for name, _ in options.data)
    type_header = next((name for name in request.headers if name.lower() == "content-type"), None)
    kind = (
        request.headers[type_header]
        if type_header
        else "application/json"
        if by_json
        else "application/x-www-form-urlencoded"
    ).lower()
    if "json" in kind and _is_json(data):
        request.body = {"type": "json", "value": data}
        if type_header and kind.partition(";")[0].strip() == "application/json":
            del request.headers[type_header]
        return
    pairs = _form(data) if kind.startswith("application/x-www-form-urlencoded") else None
    if pairs is not None:
        request.body = {"type": "form", "value": pairs}
        if type_header:
            del request.headers[type_header]
        return
    request.body = {"type": "raw", "value": data}
    if not type_header:
        request.headers["Content-Type"] = "application/json" if by_json else "application/x-www-form-urlencoded"


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return False
    return True


def _form(data: str) -> dict[str, Any] | None:
    """Names and values; None when it is no form."""
    try:
        pairs = parse_qsl(data, keep_blank_values=True, strict_parsing=True, max_num_fields=1_000)
    except ValueError:
        return None
    values: dict[str, Any] = {}
    for name, value in pairs:
        before = values.get(name)
        values[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return values


def _seconds(text: str) -> int:
    try:
        return max(1, min(300, round(float(text))))
    except (ValueError, OverflowError) as error:
        raise CurlUnreadable(gettext("%(text)s is no number of seconds.", text=text[:40])) from error
