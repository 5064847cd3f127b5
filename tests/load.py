"""Several clients at once, each with a film of its own: a program to run by hand, not a test.

    python -m tests.load [CLIENTS] [SECONDS]

serves the shipped weights on this machine, lets by default 8 clients ask for 300 seconds, each
again as soon as it is answered, and checks every answer for the hash and the probability of the
film that this client sent. It writes train/results/load.json; the memory is that of server and
clients together. It grows until the server holds its thousand sessions, then it should stay.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np

import app
from pneumo.errors import PneumoError
from pneumo.reader import Reader, load_reader
from tabs.doors import Doors, Rate
from tests.long_batch import MIB, resident_bytes

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "train" / "results" / "load.json"
MARKS = (40, 500, 1000, 1500, 2000, 2500)  # readings after which the memory is looked at
TOLERANCE = 1e-3  # of a probability: threads add in another order


@dataclass
class Asker:
    """One client and its film."""

    name: str
    data: bytes
    probability: float
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    mixed: int = 0  # answers to somebody else's film

    def ask(self, web: httpx.Client) -> None:
        started = time.perf_counter()
        upload = web.post("/gradio_api/upload", files={"files": (self.name, self.data)})
        path = upload.raise_for_status().json()[0]
        film = {"path": path, "orig_name": self.name, "meta": {"_type": "gradio.FileData"}}
        call = web.post("/gradio_api/call/read", json={"data": [film, "screening"]})
        event = call.raise_for_status().json()["event_id"]
        text = web.get(f"/gradio_api/call/read/{event}").text
        if not text.startswith("event: complete"):
            self.errors.append(text[:200])
            return
        (answer,) = json.loads(text.partition("data: ")[2])
        self.seconds.append(time.perf_counter() - started)
        self.mixed += not self.is_mine(answer)

    def is_mine(self, answer: dict[str, Any]) -> bool:
        return (
            answer["image_sha256"] == hashlib.sha256(self.data).hexdigest()
            and answer["file"] == self.name
            and abs(answer["probability"] - self.probability) < TOLERANCE
        )

    def go_on(self, address: str, until: float) -> None:
        with httpx.Client(base_url=address, timeout=600) as web:
            while time.monotonic() < until:
                try:
                    self.ask(web)
                except httpx.HTTPError as error:
                    self.errors.append(repr(error))


def askers(reader: Reader, clients: int) -> list[Asker]:
    """Clients with the samples that are read; where there are more, with a byte that differs."""
    films = []
    for path in sorted((ROOT / "examples").iterdir()):
        data = path.read_bytes()
        try:
            films.append((path.name, data, reader.read(data).estimate.probability))
        except PneumoError:
            continue  # the sample that is refused, and the page about the samples
    return [
        Asker(f"{n}-{name}", data + bytes([n]), probability)
        for n in range(clients)
        for name, data, probability in [films[n % len(films)]]
    ]


def measure(reader: Reader, *, clients: int, seconds: float) -> tuple[dict[str, Any], list[Asker]]:
    """What so many clients saw in so many seconds, and the clients."""
    asking = askers(reader, clients)
    page = app.build(reader)
    load = os.getloadavg()[0]
    address = app.launch(page, doors=Doors(rate=Rate(10**6)), prevent_thread_lock=True, quiet=True)
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=a.go_on, args=(address, until)) for a in asking]
    for thread in threads:
        thread.start()
    memory: dict[int, int] = {}
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.5)
        done = sum(len(a.seconds) for a in asking)
        if done >= MARKS[0]:
            memory.setdefault(max(m for m in MARKS if m <= done), round(resident_bytes() / MIB))
    memory[sum(len(a.seconds) for a in asking)] = round(resident_bytes() / MIB)
    page.close()
    took = np.array([s for a in asking for s in a.seconds])
    found = {
        "measured": datetime.now(UTC).date().isoformat(),
        "weights": reader.manifest.revision,
        "device": str(reader.device),
        "processors": os.cpu_count(),
        "load_before": round(load, 1),  # how much else the machine was doing
        "clients": clients,
        "seconds": seconds,
        "readings": took.size,
        "errors": sum(len(a.errors) for a in asking),
        "mixed": sum(a.mixed for a in asking),
        "median_s": round(float(np.median(took)), 2),
        "p95_s": round(float(np.percentile(took, 95)), 2),
        "memory_mib": memory,  # after so many readings
    }
    return found, asking


def main(clients: int = 8, seconds: int = 300) -> None:
    result, asking = measure(load_reader(), clients=clients, seconds=seconds)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(json.dumps(result) + "\n" + "\n".join(e for a in asking for e in a.errors))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
