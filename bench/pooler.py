"""`./dev bench pooler`: two web processes, four workers and two schedulers against one PostgreSQL, through PgBouncer in transaction mode.

    ./dev bench pooler                  2,000 events by the API; each starts a run of W1
    ./dev bench pooler --events 500 --result F

Three arrangements, one after another: all processes direct, web through the pooler with workers and schedulers direct, and all of them
through it. What does not survive transaction mode is what belongs to a session: settings of the connection (`options`), prepared
statements (PgBouncer 1.21 and newer keep them), LISTEN, advisory locks of a session (the engine's turn, the scheduler's lead), and the
process number of a session (the note by which a batch that killed its worker is known).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.lib import database
from app.lib.ids import uuid7
from bench.rig import place, results, web
from bench.rig.flows import W1

WEB, WORKERS, SCHEDULERS, CLIENTS = 2, 4, 2, 8
_EVENT = "signup.completed"
_FLOW = {**W1, "trigger": {**W1["trigger"], "event": _EVENT}}
ENDING_S = 60
"""How long the runs get to end after the last event was taken."""
KEEPS_PREPARED = (1, 21)
_SETTINGS = """
[databases]
* = host={host} port={port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
user = {user}
pool_mode = transaction
default_pool_size = 20
max_client_conn = 200
ignore_startup_parameters = options, extra_float_digits
{prepared}
"""
_ARRANGEMENTS = {
    "direct": (False, False),
    "web through the pooler": (True, False),
    "all through the pooler": (True, True),
}
"""Does web, and do workers and schedulers go through it?"""


class Pooler:
    """PgBouncer in front of the benchmark's PostgreSQL."""

    def __init__(self, program: str, folder: Path) -> None:
        host = parse_qs(urlsplit(database.dsn()).query)["host"][0]
        (socket,) = [path for path in Path(host).glob(".s.PGSQL.*") if path.suffix != ".lock"]
        self.port, self.version = web.free_port(), version_of(program)
        prepared = "max_prepared_statements = 100" if self.version >= KEEPS_PREPARED else ""
        user = pwd.getpwuid(socket.stat().st_uid).pw_name if os.geteuid() == 0 else ""
        settings = _SETTINGS.format(host=host, port=socket.suffix[1:], listen=self.port, user=user, prepared=prepared)
        path = folder / "pgbouncer.ini"
        path.write_text(settings if user else settings.replace("user = \n", ""))
        folder.chmod(0o755)
        self._process = subprocess.Popen([program, "-q", str(path)], stderr=subprocess.DEVNULL)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}{urlsplit(database.dsn()).path}"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)


def program() -> str | None:
    """PgBouncer, where it is installed."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def version_of(program: str) -> tuple[int, int]:
    """(1, 18) of what the program says of itself."""
    said_version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    match = re.search(r"PgBouncer (\d+)\.(\d+)", said_version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


@contextlib.contextmanager
def _processes(environment: dict[str, str], log: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Workers and schedulers, stopped at the end."""
    with log.open("wb") as output:
        modules = ["app.worker"] * WORKERS + ["app.scheduler"] * SCHEDULERS
        started = [
            subprocess.Popen([sys.executable, "-m", module], env=environment, stdout=output, stderr=output)
            for module in modules
        ]
        try:
            yield started
        finally:
            for process in started:
                process.terminate()
            for process in started:
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(20)


def measure(arrangement: str, url: str, events: int, folder: Path) -> results.CellResult:
    """Send the events by the API, wait for the runs, and count what came of them."""
    began = time.monotonic()
    people = place.fill(_FLOW, events)
    with database.connect("bench", None) as connection:
        key = web.admin_key(place.tenant_of(connection))
    through_web, through_workers = _ARRANGEMENTS[arrangement]
    log = folder / "processes.log"
    environment = {**os.environ, **({"DATABASE_URL": url} if through_workers else {})}
    memory: dict[str, float] = {}
    with _processes(environment, log) as processes:
        try:
            with web.serving(WEB, {"DATABASE_URL": url} if through_web else {}) as server:
                sending = time.monotonic()
                statuses = _send(server.port, key, [str(person) for person in people])
                ended = _wait_for(statuses[202], time.monotonic() + ENDING_S)
                elapsed_s = time.monotonic() - sending
                memory = {
                    "web": server.megabytes(),
                    "worker": max(web.resident_megabytes(one.pid) for one in processes[:WORKERS]),
                    "scheduler": max(web.resident_megabytes(one.pid) for one in processes[WORKERS:]),
                }
        except SystemExit:
            statuses, ended, elapsed_s = Counter({0: events}), 0, 1.0
    errors = faults(log.read_text(errors="replace"))
    return results.CellResult(
        cell=f"pooler, {arrangement}",
        seconds=time.monotonic() - began,
        gates=[
            results.Gate(what="events that were taken", values=[statuses[202] / events], goal=1),
            results.Gate(what="runs that ended", values=[ended / events], goal=1),
        ],
        figures={"runs/s, from the first event to the last end": [ended / elapsed_s]},
        memory=memory,
        note=_note(statuses, errors),
    )


def _note(statuses: Counter[int], errors: Counter[str]) -> str:
    others = ", ".join(f"{count} of {status}" for status, count in statuses.items() if status != 202)
    sentences = [f"Answers other than 202: {others}." if others else ""]
    sentences += [f"{count} times in the logs: {error}." for error, count in errors.most_common(4)]
    return " ".join(filter(None, sentences))


def faults(log: str) -> Counter[str]:
    """What the processes complain about: the words of PostgreSQL, each with how often."""
    words = re.findall(r"psycopg\.errors\.(\w+): ([^\n\"\\]{0,90})", log)
    return Counter(f"{name}, {re.sub('_pg3_[0-9a-f_]+', '…', text).strip()}" for name, text in words)


def _send(port: int, key: str, people: list[str]) -> Counter[int]:
    """An event of each of these people, by several clients; the answers by status."""
    statuses: Counter[int] = Counter()
    lock = threading.Lock()

    def client(share: list[str]) -> None:
        with contextlib.closing(web.Client(port, key)) as asking:
            for person in share:
                if len(statuses) and statuses[202] == 0:  # nothing is taken: the first answers say so
                    return
                body = {"name": _EVENT, "contactId": person, "properties": place.PAYLOAD, "id": str(uuid7())}
                status, _ = asking.ask("POST", "/api/v1/events", body)
                with lock:
                    statuses[status] += 1

    threads = [threading.Thread(target=client, args=(people[n::CLIENTS],)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def _wait_for(runs: int, until: float) -> int:
    """Until so many runs have ended, or the time is over: how many have."""
    query = "select count(*) from ended_runs where workflow_id = %s"
    with database.connect("bench", None) as connection:
        while True:
            row: Any = connection.execute(query, (place.WORKFLOW,)).fetchone()
            if row[0] >= runs or time.monotonic() > until:
                return int(row[0])
            time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench pooler", description="Measure the product behind PgBouncer.")
    parser.add_argument("--events", type=int, default=2_000)
    parser.add_argument("--result", type=Path, help="write the results to this file")
    options = parser.parse_args()
    cell_results = list[results.CellResult]()
    for result in _cells(options.events):
        cell_results.append(result)
        print("\n".join(results.lines(result)), flush=True)
    if options.result:
        results.write(options.result, cell_results)


def _cells(events: int) -> Iterator[results.CellResult]:
    bouncer = program()
    place.prepare()
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        if bouncer is None:
            yield measure("direct", "", events, folder)
            yield results.CellResult(cell="pooler", status="not here", note="PgBouncer: `apt install pgbouncer`.")
            return
        pooler = Pooler(bouncer, folder)
        try:
            for arrangement in _ARRANGEMENTS:
                yield measure(arrangement, pooler.url, events, folder)
        finally:
            pooler.stop()


if __name__ == "__main__":
    main()
