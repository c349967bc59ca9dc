"""Shuts this process in and becomes Monty. Begun by its pool as `python subprocess`, in the directory above; see `python.py`.

The one program that may be begun is the open file `PROGRAM`. It closes as Monty begins, and its number is beyond what may be opened
then, so nothing else can ever be begun.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

from app.lib.code_runner.limits import PROGRAM_DATA_LIMIT, monty_program
from app.lib.jail import filters, limits, namespaces

PROGRAM, FILES = 77, 32
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")


def main(binary: Path) -> None:
    """Does not return."""
    alone = namespaces.enter_namespaces()
    file = os.open(binary, os.O_RDONLY)
    os.dup2(file, PROGRAM, inheritable=False)
    os.closerange(3, PROGRAM)
    os.closerange(PROGRAM + 1, 4_096)
    if alone:
        namespaces.leave_files(LIBRARIES)
    namespaces.drop_rights()
    limits.apply_limits(data=PROGRAM_DATA_LIMIT, files=FILES)
    filters.apply(filters.program((*filters.WORKING, *filters.STARTING), threads=True, exec_fd=PROGRAM))
    os.execve(PROGRAM, ["monty", "subprocess"], {})  # noqa: S606 - a file of our own, opened above


if __name__ == "__main__":
    main(monty_program())
