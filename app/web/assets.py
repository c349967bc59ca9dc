"""What browsers load besides pages: styles, scripts, fonts and images, out of memory, compressed once; bundles of several (`bundles`).

Our own files have an address that contains the hash of all of them, `/static/<hash>/canvas/scene.js`: browsers keep them for
ever, a change of any file gives all of them new addresses, and modules find each other by their relative imports. Vendored files
have their version in the path. Without a hash, or with that of another version, a file is served too, and asked for again each time.
"""

from __future__ import annotations

import asyncio
import functools
import gzip
import hashlib
import mimetypes
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]
from litestar import Request, Response, route

from app.errors import NotFound
from app.lib.translation import gettext
from app.web.bundles import BUNDLES, bundle_of

ROOT = Path(__file__).parents[1] / "static"
PREFIX = "/static/"
FOREVER, ASK_AGAIN = "public, max-age=31536000, immutable", "no-cache"
_TEXT = re.compile(r"(text/|application/(json|javascript)|image/svg)")
_HASH = re.compile(r"[0-9a-f]{12}")
_IMPORT = re.compile(rb"""^(?:import|export)\b[^'"();\n]*['"](\.\.?/[^'"\n]+)['"]""", re.MULTILINE)
"""One statement a line, as ours are written."""
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
_LOOK_S = 1.0
"""How often the files are looked at for changes: who works on them sees a change at the next page."""


@dataclass
class Asset:
    """One file in memory, and its compressed forms, made on the first request for them."""

    content: bytes
    media_type: str
    etag: str
    _made: dict[str, bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    async def encoded(self, encoding: str) -> bytes:
        """The content as `br` or `gzip`, or as it is for ``."""
        if not encoding:
            return self.content
        content = self._made.get(encoding)
        return content if content is not None else await asyncio.to_thread(self.compress, encoding)

    def compress(self, encoding: str) -> bytes:
        """The smallest that is, once: a tenth of a second for the largest of ours."""
        with self._lock:
            if encoding not in self._made:
                small = len(self.content) < 300_000
                self._made[encoding] = (
                    brotli.compress(self.content, mode=brotli.MODE_TEXT, quality=11 if small else 7)
                    if encoding == "br"
                    else gzip.compress(self.content, 9, mtime=0)
                )
            return self._made[encoding]


class Assets:
    """All files below `root`, read once and again when one of them changed."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        self._looked = -_LOOK_S
        self._seen: dict[str, tuple[int, int]] = {}
        self._assets: dict[str, Asset] = {}
        self._version = ""

    @property
    def version(self) -> str:
        """The hash of all our own files."""
        self._refresh()
        return self._version

    def url(self, name: str) -> str:
        """The address of a file by its path below `static/`. KeyError for an unknown path: a wrong template fails at once."""
        self._refresh()
        if name not in self._assets:
            raise KeyError(f"There is no file static/{name}.")
        return f"{PREFIX}{name}" if _fixed(name) else f"{PREFIX}{self._version}/{name}"

    def imports(self, name: str) -> list[str]:
        """Addresses of the module `name` and of all modules that it imports, so that a page can ask for them at once."""
        self._refresh()
        modules, waiting = [name], [name]
        while waiting:
            module = waiting.pop()
            for relative in _IMPORT.findall(self._assets[module].content):
                other = (self._root / module).parent.joinpath(relative.decode()).resolve().relative_to(self._root)
                if (path := other.as_posix()) not in modules:
                    modules.append(path)
                    waiting.append(path)
        return [self.url(path) for path in modules]

    def find(self, path: str) -> tuple[Asset, bool] | None:
        """The file at the address `path` (without `/static/`), and whether it never changes there."""
        self._refresh()
        if (asset := self._assets.get(path)) is not None:
            return asset, _fixed(path)
        version, _, name = path.partition("/")
        asset = self._assets.get(name) if _HASH.fullmatch(version) and not _fixed(name) else None
        return (asset, version == self._version) if asset is not None else None

    def compress(self) -> None:
        """Compress our own files ahead, so that the first visitor does not wait for it."""
        for name, asset in list(self._assets.items()):
            if not _fixed(name) and _TEXT.match(asset.media_type):
                asset.compress("br")

    def _text(self, name: str) -> str:
        return self._assets[name].content.decode()

    def _refresh(self) -> None:
        if time.monotonic() - self._looked < _LOOK_S:
            return
        files = {path.relative_to(self._root).as_posix(): path for path in self._root.rglob("*") if _is_asset(path)}
        stamps = {name: (at.st_mtime_ns, at.st_size) for name, path in files.items() if (at := path.stat())}
        if stamps != self._seen:
            cached, before = self._assets, self._seen
            self._assets = {
                name: cached[name] if stamps[name] == before.get(name) else _read(path) for name, path in files.items()
            }
            self._assets |= {
                name: _asset(name, bundle_of(name, self._text).encode())
                for name, sources in BUNDLES.items()
                if self._assets.keys() >= set(sources)
            }
            own = "".join(f"{name} {asset.etag}\n" for name, asset in sorted(self._assets.items()) if not _fixed(name))
            self._version = hashlib.sha256(own.encode()).hexdigest()[:12]
            self._seen = stamps
        self._looked = time.monotonic()


def _is_asset(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.name not in ("MANIFEST.json", "package.json")


def _fixed(name: str) -> bool:
    return name.startswith("vendor/")


def _read(path: Path) -> Asset:
    return _asset(path.name, path.read_bytes())


def _asset(name: str, content: bytes) -> Asset:
    kind = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    media_type = f"{kind}; charset=utf-8" if _TEXT.match(kind) else kind
    return Asset(content, media_type, hashlib.sha256(content).hexdigest()[:16])


@functools.cache
def assets() -> Assets:
    """Those of this process."""
    return Assets()


async def compress_ahead() -> None:
    """A start-up hook: the work is done beside the first requests."""
    assets().url("app.css")
    threading.Thread(target=assets().compress, name="compress-assets", daemon=True).start()


@route("/static/{file_path:path}", http_method=["GET", "HEAD"], public=True, any_query=True, include_in_schema=False)
async def serve(request: Request[Any, Any, Any]) -> Response[bytes]:
    """`GET /static/…`: the file as small as the browser takes it."""
    asset_and_age = assets().find(request.scope["path"].removeprefix(PREFIX))
    if asset_and_age is None:
        raise NotFound(gettext("There is no such file."))
    asset, forever = asset_and_age
    text = bool(_TEXT.match(asset.media_type))
    encoding = best_encoding(request.headers.get("accept-encoding", "")) if text else ""
    etag = f'"{asset.etag}{"-" if encoding else ""}{encoding}"'
    headers = {"ETag": etag, "Cache-Control": FOREVER if forever else ASK_AGAIN}
    if text:
        headers["Vary"] = "Accept-Encoding"
    if etag in [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(b"", status_code=304, headers=headers)
    if encoding:
        headers["Content-Encoding"] = encoding
    return Response(await asset.encoded(encoding), media_type=asset.media_type, headers=headers)


def best_encoding(accepted: str) -> str:
    """`br`, `gzip` or `` (as it is), by an Accept-Encoding header: the best of those that the browser does not refuse."""
    weights: dict[str, float] = {}
    for part in accepted[:500].lower().split(","):
        name, _, weight = part.strip().partition(";q=")
        try:
            weights[name.strip()] = float(weight or 1)
        except ValueError:
            continue
    return next((name for name in ("br", "gzip") if weights.get(name, weights.get("*", 0.0)) > 0), "")
