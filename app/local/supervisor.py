"""`./dev run`: starts the servers and processes of the product, keeps them running, and stops them in order.

It gives up only at the start, for a problem that a person must mend first. Afterwards a fault of one part does not end the others:
the part is restarted with pauses, and changes of its state are reported.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import psycopg

from app.local import environment, rotation, schema
from app.local.bootstrap_process import BootstrapProcess, CannotRun, Stopped
from app.local.environment import Launch
from app.local.frozen_processes import STUCK_AFTER_S, FrozenProcesses, beats
from app.local.processes import Child, end_leftovers
from app.local.servers import Servers
from app.local.state import StateDirectory
from app.local.valkey import bindable, free_port
from app.local.watch import LOOK_EVERY_S

WEB_STARTS_IN_S = 300.0
"""Three seconds are usual; a machine that is busy with other things takes a hundred. One that ended is known at once."""
WEB_STOPS_IN_S, WORKERS_STOP_IN_S = 4.0, 8.0
"""Together with the servers less than the 15 s that Ctrl-C may take."""
QUEUE_STARTS_IN_S = 5.0
"""A queue that is not there by then may come later; nothing waits for it."""
WEB_DEAD_AFTER_S = 30.0
"""A web process that has answered no request for so long hangs, and is restarted."""
ROTATE_EVERY_S = 5.0


class Supervisor:
    """One run of the product on one state directory."""

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self.state = StateDirectory(launch.state)
        self._stopping = threading.Event()
        self._stop_at_once = False
        self._children: dict[str, Child] = {}
        self._servers: Servers | None = None
        self._began = time.monotonic()
        self._asked = self._answered = self._rotated = self._began
        self._frozen: FrozenProcesses | None = None

    def run(self) -> int:
        """Start, watch until a signal comes, stop. Answers the exit code. Raises StateInUse, CannotRun and the like."""
        self.state.hold()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        code = 0
        try:
            self._start()
            self._watch()
        except Stopped:
            pass
        except BaseException:
            code = 1
            raise
        finally:
            self._stop()
            self.state.release()
        return code

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_at_once = self._stopping.is_set()
        self._stopping.set()

    def _start(self) -> None:
        say(f"Throughline · state in {self.launch.state}")
        if leftovers := end_leftovers(self.state):
            say(f"  cleaned up what an earlier start left: {', '.join(leftovers)}")
        if not bindable(self.launch.port, self.launch.host):
            raise CannotRun(
                f"Port {self.launch.port} of {self.launch.host} is taken. Choose another one: ./dev run --port {self.launch.port + 1}"
            )
        servers = self._servers = Servers(self.launch, self.state)
        servers.prepare()
        values = self._values(servers)
        self.state.remember(values)
        self._children = {
            name: Child(self.state, name, module, values) for name, module in self._modules(values).items()
        }
        self._step("database", self._wait_for_database)
        if not self._step("queue", self._wait_for_queue):
            say("  queue     not ready; everything goes on without it")
        welcome = self._prepare(values)
        # After the web process, so that they do not take its processor time while the first page is loading.
        for child in self._children.values():
            child.revive()
        self._greet(welcome, values["THROUGHLINE_BASE_URL"])

    def _prepare(self, values: dict[str, str]) -> dict[str, Any]:
        """Tables, first admin, demo, and the web process as soon as it may run. Begun again when the database goes away meanwhile."""
        url, note = values["DATABASE_URL"], self.state.path / "run" / "tables.json"
        self._frozen = FrozenProcesses(lambda: beats(url))
        while True:
            try:
                with BootstrapProcess(values, demo=self.launch.demo, log=self.state.log("prepare")) as bootstrap:
                    if not schema.is_current(url, note):
                        self._step("tables", lambda: bootstrap.wait_for("migrated", self._stopping))
                    self._children["web"].revive()
                    self._step("web", self._wait_for_web)
                    welcome = bootstrap.output_until_end(self._stopping)
                schema.remember(url, note)
                return welcome
            except CannotRun:
                self._look_after_servers()
                if self._servers is None or self._servers.database_ready:
                    raise
            self._wait_for_database()

    def _step(self, name: str, work: Callable[[], object]) -> bool:
        """One step of the start. False when it gave up, which is for its caller to say."""
        began = time.monotonic()
        outcome = work()
        if self._stopping.is_set():
            raise Stopped
        if outcome == "without":
            return False
        say(f"  {name:<9} ready {'(was running) ' if outcome == 'adopted' else ''}{time.monotonic() - began:.1f} s")
        return True

    def _wait_for_database(self) -> str:
        """Until it takes connections, however long that is. Requests meanwhile are answered by the web process."""
        servers = self._servers
        while servers and not self._stopping.is_set():
            self._look_after_servers()
            if servers.database_ready:
                with contextlib.suppress(psycopg.OperationalError):
                    servers.make_database()
                    break
            if servers.database and servers.database.trouble:
                self._revive(self._children["web"])
            self._stopping.wait(0.03)
        return "adopted" if servers and (servers.database is None or servers.database.adopted) else ""

    def _wait_for_queue(self) -> str:
        servers, end = self._servers, time.monotonic() + QUEUE_STARTS_IN_S
        while servers and not servers.queue_ready and not self._stopping.is_set():
            self._look_after_servers()
            if time.monotonic() > end or (servers.queue and servers.queue.trouble):
                return "without"
            self._stopping.wait(0.02)
        return "adopted" if servers and (servers.queue is None or servers.queue.adopted) else ""

    def _values(self, servers: Servers) -> dict[str, str]:
        host = self.launch.host
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - recognised, not bound
        base = environment.variable("THROUGHLINE_BASE_URL") or f"http://{shown}:{self.launch.port}"
        return {
            **servers.values,
            "THROUGHLINE_LOCAL": "1",
            "THROUGHLINE_STATE": str(self.launch.state),
            "THROUGHLINE_HOST": host,
            "THROUGHLINE_PORT": str(self.launch.port),
            "THROUGHLINE_BASE_URL": base.rstrip("/"),
            "THROUGHLINE_SECRET_KEY": environment.variable("THROUGHLINE_SECRET_KEY") or self.state.secret("secret-key"),
            "THROUGHLINE_MAILBOX_PORT": str(self._mailbox_port()),
            "THROUGHLINE_MAILBOX_PASSWORD": self.state.secret("mailbox-password"),
            "dramatiq_queue_prefetch": "1",
        }

    def _mailbox_port(self) -> int:
        port = int(self.state.remembered().get("THROUGHLINE_MAILBOX_PORT", "0"))
        return port if port and bindable(port) else free_port()

    def _modules(self, values: dict[str, str]) -> dict[str, list[str]]:
        address = ["--host", values["THROUGHLINE_HOST"], "--port", values["THROUGHLINE_PORT"]]
        return {
            "mailbox": ["app.local.mailbox"],
            # Open streams end by themselves when the process is told to; the timeout is for those who do not read.
            "web": ["granian", "--interface", "asgi", "app.asgi:app", *address, *self._web_processes()],
            # Each by itself: the death of one is nothing to the others.
            **{f"worker-{n}": ["app.worker"] for n in range(1, self.launch.worker_processes + 1)},
            "scheduler": ["app.scheduler"],
        }

    def _web_processes(self) -> list[str]:
        """Several look after each other: one that dies is started again while the others answer. A single one is started again by us."""
        count = self.launch.web_processes
        respawn = ["--respawn-failed-workers"] if count > 1 else []
        # An open stream is a request: with granian's default a process would have 1,024 of both.
        return ["--workers", str(count), "--workers-kill-timeout", "3", "--backpressure", "4096", *respawn]

    def _wait_for_web(self) -> bool:
        web, end = self._children["web"], time.monotonic() + WEB_STARTS_IN_S
        while time.monotonic() < end and not self._stopping.is_set():
            if answers(self.launch.host, self.launch.port):
                return False
            if (code := web.died()) is not None:
                raise CannotRun(f"The web process ended with code {code}:\n{web.log_tail(25)}")
            self._stopping.wait(0.03)
        if not self._stopping.is_set():
            raise CannotRun(f"The web process does not answer:\n{web.log_tail(25)}")
        return False

    def _greet(self, welcome: dict[str, Any], base_url: str) -> None:
        if welcome.get("demo"):
            say("  demo      ready")
        say(f"\nReady after {time.monotonic() - self._began:.1f} s. Throughline is at {base_url}")
        if "link" in welcome:
            say(
                f"Sign in once as {welcome['admin']} with this link:\n\n    {base_url}/sign-in/link#{welcome['link']}\n"
            )
        say(f"Logs are in {self.launch.state / 'log'}. Ctrl-C stops everything.")

    def _watch(self) -> None:
        last_error = ""
        while not self._stopping.wait(0.5):
            try:
                self._look_around(time.monotonic())
                last_error = ""
            except Exception as error:  # nothing that is looked after is a reason to stop looking
                if last_error != (last_error := repr(error)):
                    say(f"  something went wrong while watching, which goes on: {last_error}")

    def _look_around(self, now: float) -> None:
        for child in self._children.values():
            self._revive(child)
        self._look_after_servers()
        self._end_frozen(now)
        if now - self._asked > LOOK_EVERY_S:
            self._asked = now
            self._ask_web(now)
        if now - self._rotated > ROTATE_EVERY_S:
            self._rotated = now
            own = [self.state.log(name) for name in (*self._children, "prepare")]
            rotation.rotate([*own, *(self._servers.logs if self._servers else [])])

    def _end_frozen(self, now: float) -> None:
        """A worker or scheduler that hangs may hold what the others wait for; what it had begun is done again by them."""
        by_pid = {child.pid: child for child in self._children.values() if child.pid is not None}
        for pid in self._frozen.look(now, by_pid) if self._frozen else ():
            say(f"  {by_pid[pid].name} has given no sign of life for {STUCK_AFTER_S:.0f} s; ending it")
            by_pid[pid].end()

    def _ask_web(self, now: float) -> None:
        """A web process that hangs is as bad as a dead one; one that is still starting has the time of a first start."""
        web = self._children["web"]
        if answers(self.launch.host, self.launch.port):
            self._answered = now
        elif (silent := overdue(now - self._answered, web.age)) is not None:
            say(f"  web has not answered for {silent:.0f} s; ending it")
            web.end()

    def _revive(self, child: Child) -> None:
        """Start a process of the product when it is down and its time has come. What hinders that is said, and tried again."""
        if (code := child.died()) is not None:
            say(f"  {child.name} ended with code {code}; starting it again in {child.pause:.0f} s")
            for line in child.log_tail(6).splitlines():
                say(f"    {line}")
        try:
            child.revive()
        except OSError as error:
            say(f"  {child.name} cannot be started: {error}. It is tried again.")

    def _look_after_servers(self) -> None:
        for line in self._servers.look(time.monotonic()) if self._servers else ():
            say(f"  {line}")

    def _stop(self) -> None:
        if self._began and self._stopping.is_set():
            say("\nStopping …")
        last = ("web", "mailbox")
        for present, seconds in (
            ([child for name, child in self._children.items() if name == "web"], WEB_STOPS_IN_S),
            ([child for name, child in self._children.items() if name not in last], WORKERS_STOP_IN_S),
            ([child for name, child in self._children.items() if name == "mailbox"], 2.0),
        ):
            deadline = time.monotonic() + (0 if self._stop_at_once else seconds)
            for child in present:
                child.ask_to_stop()
            for child in present:
                child.finish(deadline)
        if self._servers:
            self._servers.stop()
        if self._stopping.is_set():
            say("Stopped.")


def overdue(unanswered_s: float, age_s: float) -> float | None:
    """For how many seconds a web process is silent that has to be ended, else None: one that never answered since its start may be
    slow because the machine is, and would be ended again and again by the limit of those that did."""
    starting = unanswered_s >= age_s
    silent, most = (age_s, WEB_STARTS_IN_S) if starting else (unanswered_s, WEB_DEAD_AFTER_S)
    return silent if silent > most else None


def answers(host: str, port: int) -> bool:
    """Does the web process answer `/health/live`, with whatever?"""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - recognised, not bound
    try:
        with socket.create_connection((target, port), 0.5) as connection:
            connection.settimeout(1)
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(12).startswith(b"HTTP/1.1")
    except OSError:
        return False


def say(text: str) -> None:
    """A line for the person at the terminal, who may have closed it."""
    try:
        print(text, flush=True)
    except OSError:
        return
