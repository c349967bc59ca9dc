"""Composition root of the web process: `granian app.asgi:app`. It wires routes, plugins and errors; it holds no rules."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from advanced_alchemy.extensions.litestar import SQLAlchemyPlugin
from litestar import Litestar
from litestar.datastructures import State
from litestar.plugins.htmx import HTMXPlugin
from litestar.template import TemplateConfig

from app import features, installed_types
from app.accounts import deps, guards
from app.accounts.authentication import Authentication
from app.builder import canvas, type_check
from app.connectors import form_check
from app.events.fast_route import FastEvents
from app.flow import discovery
from app.idempotency.middleware import Idempotency
from app.lib import database, logs, virtual_clock
from app.lib.database_roles import DatabaseRole
from app.live.hub import LiveHub, no_longer_standing
from app.settings import settings
from app.system import secret_keys
from app.system.health import HealthProbe
from app.troubles import service as troubles
from app.web import assets, csrf, garbage, openapi, parameters, problems, transactions, unmatched
from app.web.bodies import BodyReader
from app.web.body_guard import RequestBodyGuard
from app.web.compression import ResponseCompression
from app.web.connection_close import ConnectionClose
from app.web.fragments import FragmentEngine
from app.web.headers import security_headers
from app.web.rate_limit import RateLimits, StrangersLimit
from app.web.request_deadline import RequestDeadline
from app.web.request_metrics import RequestMetrics

ROOT = Path(__file__).parent


def handlers() -> list[Any]:
    """All routes, described for the API's reference."""
    routes = features.routes()
    for handler in routes:
        openapi.describe(handler)
    return routes


def middleware() -> list[Any]:
    """From the outside in: time, size, who asks, how often, may they; only then the body, and only then what opens a transaction.

    After the body: is the page ours, was this POST answered before, is its body fit to be read.
    """
    return [
        RequestMetrics,
        RequestDeadline,
        ResponseCompression,
        transactions.CloseSession,
        StrangersLimit,
        Authentication,
        csrf.Proof,
        RateLimits,
        guards.Guard,
        BodyReader,
        csrf.CsrfMiddleware,
        Idempotency,
        RequestBodyGuard,
    ]


def teach(engine: FragmentEngine) -> None:
    """Give templates the words of the builder, then see whether those of steps, triggers and connectors work."""
    canvas.teach(engine)
    type_check.check_types(engine)
    form_check.check_connectors(engine)


def create_app(*, database_config: Any = None) -> Litestar:
    """Build the app. Tests pass a `database_config` whose sessions live in a transaction that is rolled back."""
    logs.configure()
    virtual_clock.install()
    installed_types.install()
    features.actors()  # `jobs.notify` needs the actors to know their queues
    config = database_config or transactions.session_config()
    config.before_send_handler = transactions.commit_on_response
    sessions = partial(config.session_by, DatabaseRole.ENGINE) if database_config else database.probe_sessions()
    probe = HealthProbe(sessions, troubles.for_health)
    live = LiveHub(no_longer_standing)
    app = Litestar(
        route_handlers=[
            *handlers(),
            assets.serve,
            unmatched.refuse_address,
        ],
        dependencies={name: deps.injected(service) for name, service in features.services().items()},
        plugins=[SQLAlchemyPlugin(config), HTMXPlugin(), openapi.StrictStructs()],
        middleware=middleware(),
        state=State({"database": config, "health": probe, "live": live, **config.create_app_state_items()}),
        guards=[parameters.refuse_unknown],
        exception_handlers={Exception: problems.handle},
        template_config=TemplateConfig(
            directory=[ROOT / "templates", *discovery.frontend_folders(discovery.plugin_folder())],
            engine=FragmentEngine,
            engine_callback=teach,
        ),
        on_startup=[live.stop_by_signal, secret_keys.verify_at_start, assets.compress_ahead, garbage.settle_at_start],
        on_shutdown=[live.stop],
        before_send=[security_headers],
        openapi_config=openapi.config(features.api_tags()),
        request_max_body_size=settings().web.body_limit,
        logging_config=None,
        debug=False,
    )
    unmatched.install(app)
    parameters.learn(app)
    if missing := guards.undeclared(app):
        advice = "Declare role=Role.… or public=True on each, and scope=Scope.… on those of the API."
        raise RuntimeError(f"Routes without a role or scope: {', '.join(missing)}. {advice}")
    return app


_framework = create_app()
app = FastEvents(_framework, ConnectionClose(_framework))
