"""Warm calls of code in the children of one worker: milliseconds of each, and the memory of the children over thousands of them."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any, get_args

from app.lib.code_runner.pool import CodePool, Language
from bench.rig import results

GOAL_MS, GOAL_GROWTH = 5.0, 1.1
WARMING = 200
CODE: dict[Language, str] = {
    "javascript": (
        "const paid = input.items.filter((one) => one.count > 1); console.log(paid.length);"
        " return {to: contact.email.toLowerCase(), skus: paid.map((one) => one.sku), sum: paid.reduce((sum, one) => sum + one.count, 0)}"
    ),
    "python": (
        "paid = [one for one in input['items'] if one['count'] > 1]\nprint(len(paid))\n"
        "return {'to': contact['email'].lower(), 'skus': [one['sku'] for one in paid], 'sum': sum(one['count'] for one in paid)}"
    ),
}
DATA = {
    "input": {"items": [{"sku": f"sku-{number}", "count": number % 5} for number in range(200)]},
    "contact": {"email": "Ada@Example.com", "attributes": {"plan": "trial"}},
    "steps": {},
    "vars": {},
}


def descendants(pid: int) -> list[int]:
    """A process and all that it has started."""
    tasks = list(Path(f"/proc/{pid}/task").glob("*/children"))
    return [pid, *(one for task in tasks for child in task.read_text().split() for one in descendants(int(child)))]


def resident_mb(pool: CodePool) -> float:
    """Memory of the children of a pool, with all that they have started."""
    kilobytes = 0
    for child in pool._children.values():
        for pid in descendants(child.process.pid):
            text = Path(f"/proc/{pid}/status").read_text()
            kilobytes += int(text.split("VmRSS:")[1].split("kB")[0]) if "VmRSS:" in text else 0
    return kilobytes / 1024


def call(pool: CodePool, language: Language) -> float:
    """One ordinary call, one after the other; its milliseconds."""
    began = time.perf_counter()
    answer = pool.submit(CODE[language], DATA, share=1, seconds=5.0, alone=True).result()
    assert answer.get("value") and not answer["error"], answer
    return (time.perf_counter() - began) * 1_000


def measure(language: Language, calls: int) -> tuple[list[float], float, float]:
    """Milliseconds of each warm call; megabytes after a warm-up, and at the end."""
    pool = CodePool(language, processes=1)
    try:
        for _ in range(WARMING):
            call(pool, language)
        before = resident_mb(pool)
        return [call(pool, language) for _ in range(calls)], before, resident_mb(pool)
    finally:
        pool.close()


def main(calls: int, rounds: int, path: Path | None) -> None:
    """Print both languages, and write the gates to `path`."""
    gates, figures, memory, began = list[results.Gate](), dict[str, list[float]](), dict[str, float](), time.monotonic()
    for language in get_args(Language):
        readings: list[Any] = [measure(language, calls) for _ in range(rounds)]
        middle = [statistics.median(times) for times, _, _ in readings]
        slowest = [statistics.quantiles(times, n=100)[98] for times, _, _ in readings]
        growth = [after / before for _, before, after in readings]
        gates.append(
            results.Gate(what=f"{language}, a warm call", values=middle, goal=GOAL_MS, unit="ms", at_most=True)
        )
        gates.append(
            results.Gate(
                what=f"{language}, memory after {calls:,} calls", values=growth, goal=GOAL_GROWTH, at_most=True
            )
        )
        figures[f"{language}, p99 ms"] = slowest
        memory[language] = max(after for _, _, after in readings)
    result = results.CellResult(
        cell="code", seconds=time.monotonic() - began, gates=gates, figures=figures, memory=memory
    )
    print("\n".join(results.lines(result)))
    if path:
        results.write(path, [result])
