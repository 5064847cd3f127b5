"""Where uploads lie while they are read: a folder of this process alone, swept and then removed.

Gradio purges only the files that it has finished receiving and only while it runs. What an upload
that was broken off, or a process that was killed, has left behind is cleared here.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any

PREFIX = "pneumo-uploads-"
EMPTY_S = 5  # after which an empty folder is nobody's: it is made just before a file moves in

_locks: list[IO[str]] = []  # held, and thereby ours, until the process ends however it ends


@functools.cache
def claim() -> Path:
    """A new private folder for gradio's uploads; the end of those of processes that are gone."""
    parent = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True)
    for old in parent.glob(f"{PREFIX}*"):
        _clear(old)
    new = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=parent))  # readable by this user only
    lock = (new / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    _locks.append(lock)
    folder = new.rename(parent / new.name.removeprefix("."))  # seen by others only once it is held
    (folder / "films").mkdir()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "films")
    return folder / "films"


async def fetch_nothing(url: str, cache_dir: str) -> str:
    """In place of gradio's download of the addresses that a request may name as its film."""
    raise ValueError("A film is uploaded; nothing is fetched from an address.")


def _clear(folder: Path) -> None:
    """Remove the folder of a process that has ended; one in use is locked."""
    try:
        with (folder / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return  # in use, another user's, or gone already


def sweep(folder: Path, *, older_than_s: float) -> None:
    """Remove what was last changed longer ago, and the empty folders left by it.

    A folder is named by the hash of the film that lay in it, so it goes as well.
    """
    now = time.time()
    for path in sorted(folder.rglob("*"), reverse=True):  # what lies in a folder before it
        with contextlib.suppress(OSError):  # purged meanwhile, or not empty
            age = now - path.lstat().st_ctime
            if path.is_dir() and not path.is_symlink():
                if age > EMPTY_S:
                    path.rmdir()
            elif age > older_than_s:
                path.unlink()


def sweeping(folder: Path, *, every_s: float, older_than_s: float) -> Any:
    """A lifespan of the server during which the folder is swept."""

    async def forever() -> None:
        while True:
            await asyncio.sleep(every_s)
            await asyncio.to_thread(sweep, folder, older_than_s=older_than_s)

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        task = asyncio.create_task(forever())
        try:
            yield
        finally:
            task.cancel()

    return lifespan
