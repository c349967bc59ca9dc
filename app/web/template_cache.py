"""Compiled templates, kept beside the templates as Python keeps its modules: in `__pycache__`, and not where byte code may not be kept.

A process that begins compiles what it checks, some 200 files in 0.7 s of a processor; with several web processes each did.
"""

from __future__ import annotations

import functools
import hashlib
import pickle
import sys
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket

APP = Path(__file__).resolve().parents[1]
FOLDER = APP / "templates" / "__pycache__"


class TemplateCache(jinja2.FileSystemBytecodeCache):
    """Jinja's cache of files, for which a template is another one when code of ours changed: constants are filtered as it is compiled."""

    def get_source_checksum(self, source: str) -> str:
        return super().get_source_checksum(f"{_state_of_code()}\n{source}")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Half a file, of a machine that lost its power, is none."""
        try:
            super().load_bytecode(bucket)
        except (pickle.UnpicklingError, OSError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps it. A disk that is full or may not be written costs the next process the time, and nobody a page."""
        try:
            super().dump_bytecode(bucket)
        except OSError:
            return


def template_cache() -> TemplateCache | None:
    """None where nothing may be kept: a folder that cannot be written, or `PYTHONDONTWRITEBYTECODE`."""
    if sys.dont_write_bytecode:
        return None
    try:
        FOLDER.mkdir(exist_ok=True)
    except OSError:
        return None
    return TemplateCache(str(FOLDER), "%s.jinja")


@functools.cache
def _state_of_code() -> str:
    """Another one after each change of a module, of Jinja or of Python."""
    digest = hashlib.sha256(f"{jinja2.__version__} {sys.version}".encode())
    for path in sorted(APP.rglob("*.py")):
        state = path.stat()
        digest.update(f"{path.relative_to(APP)} {state.st_mtime_ns} {state.st_size}\n".encode())
    return digest.hexdigest()
