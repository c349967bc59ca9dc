"""Every kind of trouble: its words, how bad it is, what it counts and where to mend it. Nothing else knows a kind's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from app.lib.translation import gettext, of_stored, translatable
from app.messaging.channels import words
from app.troubles.schemas import Severity, Trouble

Unit = Literal["", "run", "message", "call", "event", "workspace"]


class Act(NamedTuple):
    """The button beside a trouble."""

    text: str
    url: str


class Kind(NamedTuple):
    """`label` and `text` have the words for messages in braces (`channels.words.in_words`). `text` is said when nobody else said anything
    (a server, a step). `stops`: it belongs on every page, not only on Home."""

    label: str
    severity: Severity
    icon: str
    unit: Unit
    text: str
    act: Callable[[Trouble], Act | None]
    stops: bool = False
    quotes_error: bool = True
    """Show the stored error of the server or step instead of `text`."""
    of_installation: bool = False
    """Of all workspaces together; the operator mends it, and `/health/ready` and `/metrics` report it."""


def _nothing(_: Trouble) -> Act | None:
    return None


def _connector(trouble: Trouble) -> Act:
    return Act(gettext("Open"), f"/connectors/{trouble.connector_id}")


def _account(trouble: Trouble) -> Act:
    return Act(gettext("Check the key"), f"/connectors/{trouble.connector_id}")


def _endpoint(trouble: Trouble) -> Act:
    return Act(gettext("Open"), f"/settings/webhooks/{trouble.endpoint_id}")


def _messages(status: str) -> Callable[[Trouble], Act]:
    def act(trouble: Trouble) -> Act:
        of = f"&workflow={trouble.workflow_id}" if trouble.workflow_id else ""
        return Act(words.in_words(gettext("Open {many}")), f"/messages?status={status}{of}")

    return act


def _runs(status: str) -> Callable[[Trouble], Act]:
    return lambda trouble: Act(gettext("Open runs"), f"/workflows/{trouble.workflow_id}/runs?status={status}")


KINDS: dict[str, Kind] = {
    # Of the whole installation: who runs the server mends them.
    "no_worker": Kind(
        translatable("No worker is running"),
        "danger",
        "circle-x",
        "",
        translatable(
            "Workflows stand still. Events are kept and waits that end continue late; whoever runs the server starts a worker."
        ),
        _nothing,
        stops=True,
        of_installation=True,
    ),
    "stuck": Kind(
        translatable("Work is stuck"),
        "danger",
        "circle-x",
        "",
        translatable("A process or lock keeps the others waiting."),
        _nothing,
        stops=True,
        of_installation=True,
    ),
    "events_late": Kind(
        translatable("Events wait"),
        "danger",
        "timer",
        "event",
        translatable(
            "They arrived, but nobody handles them. They are kept, and handled in order as soon as a worker takes them."
        ),
        _nothing,
        stops=True,
        of_installation=True,
    ),
    "runs_late": Kind(
        translatable("Runs are late"),
        "danger",
        "timer",
        "run",
        translatable("Their wait is over, but no worker takes them further."),
        _nothing,
        stops=True,
        of_installation=True,
    ),
    "disk_full": Kind(
        translatable("The disk is nearly full"),
        "danger",
        "circle-alert",
        "",
        translatable("Soon nothing can be stored. Whoever runs the server frees space."),
        _nothing,
        stops=True,
        of_installation=True,
    ),
    "older_release": Kind(
        translatable("Some workers are older"),
        "warning",
        "history",
        "",
        translatable("Steps that only a newer release knows wait for it. Whoever runs the server updates all workers."),
        _nothing,
        of_installation=True,
    ),
    "proxy_untrusted": Kind(
        translatable("A proxy is not trusted"),
        "warning",
        "circle-alert",
        "",
        translatable(
            "Everybody behind it shares one limit on sign-ins. Whoever runs the server declares it in THROUGHLINE_TRUSTED_PROXIES."
        ),
        _nothing,
        of_installation=True,
    ),
    "disk_low": Kind(
        translatable("Little disk space is left"),
        "warning",
        "circle-alert",
        "",
        translatable("Whoever runs the server frees space."),
        _nothing,
        of_installation=True,
    ),
    "no_scheduler": Kind(
        translatable("No scheduler is running"),
        "warning",
        "timer",
        "",
        translatable("Workers look for work by themselves, a second later. Cleaning up stands still."),
        _nothing,
        of_installation=True,
    ),
    "bus_behind": Kind(
        translatable("Events for a bus wait"),
        "warning",
        "webhook",
        "event",
        translatable(
            "NATS or Redis does not take them. They are kept for a week and leave in order as soon as it does."
        ),
        _nothing,
        quotes_error=False,
        of_installation=True,
    ),
    "bus_unheard": Kind(
        translatable("Messages of a bus do not come in"),
        "warning",
        "webhook",
        "event",
        translatable(
            "They stay on the bus and are taken in, each once, as soon as it answers. Whoever runs the server looks at NATS_URL."
        ),
        _nothing,
        quotes_error=False,
        of_installation=True,
    ),
    "redis_away": Kind(
        translatable("Redis does not answer"),
        "warning",
        "plug",
        "",
        translatable("Work begins up to a second later. Nothing is lost."),
        _nothing,
        of_installation=True,
    ),
    # Of one workspace.
    "broken": Kind(
        translatable("Connector stopped"),
        "danger",
        "plug",
        "message",
        translatable("Its settings do not work. Nothing is sent through it until they are changed."),
        _account,
        stops=True,
    ),
    "service_broken": Kind(
        translatable("Connector stopped"),
        "danger",
        "plug",
        "call",
        translatable("Its key or account is refused. Calls of it wait until it is fixed."),
        _account,
        stops=True,
    ),
    "consent_refused": Kind(
        translatable("Consent ended"),
        "danger",
        "plug",
        "call",
        translatable("The service takes its consent no more. Calls of it wait until an admin has connected it again."),
        lambda trouble: Act(gettext("Connect again"), f"/connectors/{trouble.connector_id}"),
        stops=True,
    ),
    "no_connector": Kind(
        translatable("No connector"),
        "danger",
        "plug",
        "message",
        translatable("{Many} wait, and there is no connector to send them by."),
        lambda _: Act(gettext("Add a connector"), "/connectors"),
        stops=True,
    ),
    "away": Kind(
        translatable("Mail server away"),
        "warning",
        "plug",
        "message",
        translatable("It cannot be reached. Its {many} wait and leave when it is back."),
        _connector,
        stops=True,
    ),
    "stood_in": Kind(
        translatable("Stand-in at work"),
        "warning",
        "plug",
        "message",
        translatable("It does not work, and {many} leave by the one that stands in for it."),
        _account,
    ),
    "service_away": Kind(
        translatable("Service away"),
        "warning",
        "plug",
        "call",
        translatable("It does not answer. Calls of it wait, and are made when it is back."),
        _connector,
        stops=True,
    ),
    "host_away": Kind(
        translatable("Host away"),
        "warning",
        "plug",
        "call",
        translatable("It does not answer. Calls of it wait, and are made when it is back."),
        lambda trouble: Act(gettext("Open"), f"/workflows/{trouble.workflow_id}"),
    ),
    "held": Kind(
        translatable("Held"),
        "warning",
        "hand",
        "run",
        translatable("They stopped at a step, and somebody decides how they continue."),
        lambda trouble: Act(gettext("Decide"), f"/held-runs?workflow={trouble.workflow_id}"),
    ),
    "stalled": Kind(
        translatable("Stands still"),
        "danger",
        "timer",
        "run",
        translatable("They wait for something that does not come."),
        lambda trouble: Act(gettext("Open runs"), f"/workflows/{trouble.workflow_id}/runs?status=running"),
    ),
    "failing": Kind(
        translatable("Failing"),
        "danger",
        "circle-x",
        "run",
        translatable("A step failed without saying why."),
        _runs("failed"),
    ),
    "unsent": Kind(
        translatable("{Many} failed"),
        "danger",
        "mail-x",
        "message",
        translatable("They will not be sent."),
        _messages("failed"),
    ),
    "endpoint_off": Kind(
        translatable("Webhooks switched off"),
        "danger",
        "webhook",
        "",
        translatable("Nothing arrived at this endpoint for days. What happens is not sent to it."),
        _endpoint,
    ),
    "endpoint_failing": Kind(
        translatable("Webhooks do not arrive"),
        "warning",
        "webhook",
        "",
        translatable("The endpoint does not take them. Each is tried again for 24 hours."),
        _endpoint,
    ),
    "poll_failing": Kind(
        translatable("New rows cannot be read"),
        "warning",
        "database",
        "",
        translatable("A trigger asks for rows and gets none. It asks again by itself, and reads on where it was."),
        lambda trouble: Act(gettext("Open"), f"/workflows/{trouble.workflow_id}"),
    ),
    "dead_letters": Kind(
        translatable("Events set aside"),
        "danger",
        "circle-alert",
        "event",
        translatable("They could not be handled, and nothing followed from them."),
        lambda _: Act(gettext("Open events"), "/dead-letters"),
    ),
    "uncertain": Kind(
        translatable("Uncertain {many}"),
        "warning",
        "circle-question-mark",
        "message",
        translatable("Nobody knows whether they left. {look_up} and say what became of them."),
        _messages("uncertain"),
        quotes_error=False,
    ),
    "overdue": Kind(
        translatable("{Many} wait"),
        "warning",
        "timer",
        "message",
        translatable("It is their turn, but nobody sends them. See whether a worker runs."),
        _messages("queued"),
    ),
    "late": Kind(
        translatable("Late"),
        "warning",
        "timer",
        "run",
        translatable("Their wait is over, but nobody took them further. See whether a worker runs."),
        _runs("waiting"),
    ),
    "paused": Kind(
        translatable("Paused"),
        "info",
        "pause",
        "run",
        translatable("They stand still until the workflow is resumed. No timer is lost."),
        lambda trouble: Act(gettext("Open"), f"/workflows/{trouble.workflow_id}"),
    ),
}
"""In display order: first what stops everything, last what is intended, such as a pause."""


def text_of(trouble: Trouble) -> str:
    """The sentence: what a server, a step or the database said, else that of the kind."""
    kind = KINDS[trouble.kind]
    if trouble.error_message and kind.quotes_error:
        return of_stored(trouble.error_message)
    return words.in_words(gettext(kind.text))


def trouble_label(trouble: Trouble) -> str:
    """What the trouble is called."""
    return words.in_words(gettext(KINDS[trouble.kind].label))


def unit_of(trouble: Trouble) -> str:
    """What it counts, beside its number: `emails`."""
    unit = KINDS[trouble.kind].unit
    if unit == "message":
        return words.noun() if trouble.count == 1 else words.plural()
    return gettext(unit if trouble.count == 1 or not unit else f"{unit}s")


def act_of(trouble: Trouble) -> Act | None:
    """Where it is fixed."""
    return KINDS[trouble.kind].act(trouble)
