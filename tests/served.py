"""The app as it is started, on the tiny ensemble, and a record of what it writes and whom it calls.

    python -m tests.served RECORD.json

Python's own audit events (PEP 578) tell of every file that is opened for writing and of every
connection, whoever in the process makes it. Any that leaves this machine is stopped.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND
HERE = ("127.0.0.1", "::1", "localhost", "0.0.0.0")


class Watch:
    """What a process has touched, and the veto on connections."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.called: list[str] = []

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(given[0], str | bytes):
            if given[2] & WRITING:
                self.written.append(os.fsdecode(given[0]))
        elif event in ("os.mkdir", "os.rename", "os.symlink", "os.link"):
            self.written.append(os.fsdecode(given[0 if event == "os.mkdir" else 1]))
        elif event == "socket.getaddrinfo":
            self._call(str(given[0]))
        elif event == "socket.connect" and isinstance(given[1], tuple):
            self._call(str(given[1][0]))

    def _call(self, host: str) -> None:
        if host not in (*HERE, "None"):
            self.called.append(host)
            raise ConnectionRefusedError(f"no call to {host} from a test")


def main(record: str) -> None:
    watch = Watch()
    sys.addaudithook(watch)
    from conftest import TinyNetwork

    import app
    from pneumo.networks import ARCHITECTURES

    ARCHITECTURES["tiny"] = TinyNetwork
    app.main()
    Path(record).write_text(json.dumps({"written": watch.written, "called": watch.called}))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main(*sys.argv[1:])
