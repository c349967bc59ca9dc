"""What steps ask of others: of people, of an event, of segments, of channels and of services, in plain Python up to the question."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.engine.branch_models import judged
from tests.engine.step_models import SECONDS, Result, fill, shown
from tests.nodes.person import Person

HOLD_DAYS = 365
CHANNELS = {"send_email": "email", "send_sms": "sms", "send_whatsapp": "whatsapp", "send_push": "push"}
PLATFORMS = ("web", "android", "ios")


def _seconds(span: dict[str, Any]) -> float:
    return float(span["duration"] * SECONDS[span.get("unit", "days")])


def wait_for_event(data: dict[str, Any], view: Person) -> Result:
    """`judge` is asked of each event of that name with itself as the event of the run."""
    until = view.now + timedelta(seconds=_seconds(data.get("timeout") or {"duration": 3}))
    rules, match = data.get("conditions", []), data.get("match", "all")
    return Result(
        "listen", until=until, event=data["event"], judge=lambda seen: not rules or judged(rules, match, seen)[0]
    )


def hold(data: dict[str, Any], view: Person) -> Result:
    """Nobody answers in these tests."""
    until = view.now + timedelta(seconds=_seconds(data.get("timeout") or {"duration": HOLD_DAYS}))
    return Result("wait", "timeout", {"question": shown(fill(data["question"], view))[:1_000]}, until=until)


def segment(data: dict[str, Any], _view: Person, *, enters: bool) -> Result:
    return Result("done", output={"segmentId": data["segmentId"]}, wishes=(("segment", data["segmentId"], enters),))


def _is_address(text: str) -> bool:
    name, at, host = text.partition("@")
    return bool(name and at) and "." in host and not set(text) & set(' ,;"[]{}')


def _is_topic(text: str) -> bool:
    return text.replace("-", "").replace("_", "").isalnum()


def send(kind: str, data: dict[str, Any], view: Person) -> Result:
    """A message with its settings, whose texts are filled in but for the subject, which is so when it leaves."""
    settings = {
        name: shown(fill(data.get(name, ""), view)).strip()
        if "{{" in data.get(name, "")
        else data.get(name, "").strip()
        for name in ("fromName", "fromEmail", "replyTo", "topic")
    }
    wrong = [name for name in ("fromEmail", "replyTo") if settings[name] and not _is_address(settings[name])]
    if wrong or (settings["topic"] and not _is_topic(settings["topic"])):
        return Result("fail", permanent=True)
    settings |= {"subject": data.get("subject", ""), "connectorId": data.get("connectorId") or ""}
    settings["class"] = data["class"] if data.get("class") == "transactional" else ""
    whole: dict[str, Any] = {name: value for name, value in settings.items() if value}
    if data.get("platforms"):
        whole["platforms"] = [name for name in PLATFORMS if name in data["platforms"]]
    wish = ("message", data.get("goOn", "queued") != "queued", CHANNELS[kind], data.get("templateId"), whole)
    return Result("done", output={"status": "queued"}, wishes=(wish,))


def http_request(data: dict[str, Any], view: Person) -> Result:
    """Up to its call."""
    url = shown(fill(data["url"], view)).strip()
    return Result("call") if url.startswith(("https://", "http://")) else Result("fail", permanent=True)


def slack(data: dict[str, Any], view: Person) -> Result:
    """Up to its call."""
    is_empty = not shown(fill(data["text"], view)).strip() and not data.get("blocks")
    return Result("fail", permanent=True) if is_empty else Result("call")


def custom_code(_data: dict[str, Any], _view: Person) -> Result:
    """Up to its call: what it is given fits always here."""
    return Result("call")
