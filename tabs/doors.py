"""The page's doors: which of gradio's addresses are open, to whom, how often and with how much.

Gradio serves more than this page needs: files by their path, a proxy, recordings, links to stored
pages. Nothing here is handed out as a file (films and reports stand in the page itself), so those
addresses are shut, and what is not listed below is not there.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pneumo import PneumoError
from pneumo.password import Logins

OPEN = frozenset(
    {"/", "/config", "/favicon.ico", "/health", "/login", "/login/", "/logout", "/manifest.json"}
    | {"/robots.txt", "/theme.css", "/gradio_api/app_id", "/gradio_api/cancel", "/gradio_api/info"}
    | {"/gradio_api/login_check", "/gradio_api/openapi.json", "/gradio_api/reset"}
    | {"/gradio_api/startup-events", "/gradio_api/upload", "/gradio_api/upload_progress"}
    | {"/gradio_api/user", "/gradio_api/queue/join", "/gradio_api/queue/data"}
    | {"/gradio_api/queue/status", "/gradio_api/run/predict", "/gradio_api/theme.css"}
)
OPEN_BELOW = ("/assets/", "/static/", "/svelte/", "/gradio_api/call/", "/gradio_api/heartbeat/")
TOOLS = "/gradio_api/mcp"  # there only where the app is served with its tools; has no login
UPLOAD, LOGIN, HEALTH = "/gradio_api/upload", ("/login", "/login/"), "/health"
LOCAL = {"localhost", "127.0.0.1", "0.0.0.0", "::1"}
UNTIMED = ("/gradio_api/heartbeat/", TOOLS)  # open as long as a page is; nothing waits for them

RATE_PER_MINUTE = 1_200  # a batch of a thousand films is a thousand uploads
LOGINS_PER_MINUTE = 10
MAX_CLIENTS = 10_000  # whose rate is remembered
MAX_UPLOAD_BYTES = 8_000_000_000  # in one go; a file's own limit is gradio's `max_file_size`
MAX_BODY_BYTES = 64_000_000  # of anything else: the page sends back the map that it shows
SPARE_BYTES = 1_000_000_000  # left free on the disk of the uploads
CLOSING_S = 60  # that what runs may take to finish

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
NO_ROOM = "The disk of this machine is full; tell whoever runs it."

log = logging.getLogger("pneumo.app")


@dataclass
class Rate:
    """So many requests a minute from each client, and as many at once (a token bucket)."""

    per_minute: int
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait_s(self, client: str, now: float) -> float:
        """Seconds until this client may ask again; 0 where it may now, which counts."""
        left, before = self._left.pop(client, (float(self.per_minute), now))
        left = min(left + (now - before) * self.per_minute / 60, self.per_minute)
        wait = 0.0 if left >= 1 else (1 - left) * 60 / self.per_minute
        self._left[client] = (left - (wait == 0), now)
        if len(self._left) > MAX_CLIENTS:
            self._left.popitem(last=False)
        return wait


@dataclass
class Doors:
    """How the doors stand. One per server; changed only by its event loop and its main thread."""

    logins: Logins | None = None
    rate: Rate = field(default_factory=lambda: Rate(RATE_PER_MINUTE))
    login_rate: Rate = field(default_factory=lambda: Rate(LOGINS_PER_MINUTE))
    uploads: Path | None = None  # the folder whose disk must not be filled
    weights: str | None = None  # their revision, once the self-test has passed
    closing: bool = False
    under_way: int = 0  # requests that a stop waits for

    @classmethod
    def from_environment(cls) -> Doors:
        """As ``PNEUMO_AUTH`` (a file of logins) and ``PNEUMO_RATE`` (requests a minute) say.

        Raises PneumoError.
        """
        file, rate = os.environ.get("PNEUMO_AUTH"), os.environ.get("PNEUMO_RATE", "")
        if rate and not (rate.isdecimal() and int(rate) > 0):
            raise PneumoError("PNEUMO_RATE is the number of requests a minute, such as 1200.")
        logins = Logins.read(Path(file)) if file else None
        return cls(logins=logins, rate=Rate(int(rate or RATE_PER_MINUTE)))

    @property
    def auth(self) -> Callable[[str, str], Awaitable[bool]] | None:
        """Gradio's ``auth``: hashing takes a third of a second, so it leaves the event loop."""
        return self._admit if self.logins else None

    async def _admit(self, user: str, password: str) -> bool:
        assert self.logins is not None
        return await asyncio.to_thread(self.logins.admit, user, password)

    def refusal(self, scope: Scope) -> Response | None:
        """Why a request is turned away at the door; None where it may come in."""
        path, posted = scope["path"], scope["method"] not in ("GET", "HEAD", "OPTIONS")
        headers = Headers(scope=scope)
        if not self._is_open(path):
            return _said(404, "There is nothing at this address.")
        if not _is_own_page(headers):
            return _said(403, "This was asked by the page of another site.")
        if not posted:
            return None
        if self.closing:
            return _said(503, "The instrument is being restarted; try again in a minute.", wait=60)
        client = str((scope.get("client") or ("",))[0])
        rate = self.login_rate if path in LOGIN else self.rate
        wait = rate.wait_s(client, time.monotonic())
        if wait:
            return _said(429, "These are too many requests; go on more slowly.", wait=wait)
        length = headers.get("content-length", "0")
        size = int(length) if length.isdecimal() else 0
        if size > _limit(path):
            return _said(413, "This is more than may be sent at once; send fewer films.")
        if path == UPLOAD and self.uploads and _free(self.uploads) < size + SPARE_BYTES:
            return _said(507, NO_ROOM)
        return None

    def _is_open(self, path: str) -> bool:
        if path == TOOLS or path.startswith(f"{TOOLS}/"):
            return self.logins is None
        return path in OPEN or path.startswith(OPEN_BELOW)

    async def health(self, _: Request) -> Response:
        """200 only once the self-test has passed, and until the server closes."""
        if self.closing or self.weights is None:
            state = "closing" if self.closing else "not tested"
            return JSONResponse({"status": state}, status_code=503)
        return JSONResponse({"status": "ready", "weights": self.weights})


class Porter:
    """The middleware that stands at the doors."""

    def __init__(self, app: ASGIApp, doors: Doors) -> None:
        self.app, self.doors = app, doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(send)
        if (refusal := self.doors.refusal(scope)) is not None:
            await refusal(scope, receive, answer.send)
            return
        counted = not scope["path"].startswith(UNTIMED)
        self.doors.under_way += counted
        try:
            await self.app(scope, _bounded(receive, _limit(scope["path"])), answer.send)
        except OSError as error:
            if error.errno not in FULL or answer.begun:
                raise
            log.error("the disk is full")
            await _said(507, NO_ROOM)(scope, receive, answer.send)
        finally:
            self.doors.under_way -= counted


class _Answer:
    """An answer on its way out, with the headers that every one has."""

    def __init__(self, send: Send) -> None:
        self._send, self.begun = send, False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            MutableHeaders(scope=message).update(HEADERS)
        await self._send(message)


def close(doors: Doors, *, busy: Callable[[], bool], within_s: float = CLOSING_S) -> bool:
    """Let nobody in and wait for what runs; False where it took too long."""
    doors.closing = True
    end, quiet = time.monotonic() + within_s, 0
    while time.monotonic() < end:
        # Twice, because between an answer and the request that fetches it nothing is under way.
        quiet = 0 if busy() or doors.under_way else quiet + 1
        if quiet > 5:
            return True
        time.sleep(0.1)
    return False


def _said(status: int, sentence: str, *, wait: float = 0) -> JSONResponse:
    headers = {"Retry-After": str(max(1, round(wait)))} if wait else None
    return JSONResponse({"detail": sentence}, status_code=status, headers=headers)


def _is_own_page(headers: Headers) -> bool:
    """Whether no browser sent this, or from a page of this server.

    Off localhost gradio lets the pages of any site ask, and read the answer, as who is logged in.
    """
    asking = headers.get("origin")
    if asking is None:
        return True
    # Not X-Forwarded-Host: a page may send it, as it may not `Host`.
    names = {urlsplit(asking).hostname, urlsplit(f"//{headers.get('host', '')}").hostname}
    return len(names) == 1 or names <= LOCAL


def _limit(path: str) -> int:
    return MAX_UPLOAD_BYTES if path == UPLOAD else MAX_BODY_BYTES


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _bounded(receive: Receive, limit: int) -> Receive:
    """A request's body up to a limit: without a declared length it could go on for ever."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, "This is more than may be sent at once; send fewer films.")
        return message

    return bounded
