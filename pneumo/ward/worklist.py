"""Many films, read in turn, and the order in which somebody should look at them."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from pneumo.calibration import Estimate
from pneumo.decision import Decision, OperatingPoint
from pneumo.errors import PneumoError
from pneumo.gate import Caution
from pneumo.reader import SCREENING, Reader
from pneumo.ward.archive import Shelf, Source

SCHEMA = "pneumo.worklist/1"
MAX_FAULTS_IN_A_ROW = 3  # then it is not the films that are at fault
BROKEN = (
    "The instrument failed on three films in a row, so the rest was not read; tell whoever runs it."
)
FAULT = (
    "Something went wrong inside the instrument; the film may be in order. Have it read, and tell "
    "whoever runs this instrument."
)

log = logging.getLogger(__name__)


class Urgency(StrEnum):
    """The groups of a worklist, in the order in which they are looked at.

    A film under suspicion comes first. One on which the networks contradict each other comes
    before one that is not suspected: it has no answer, and may be either. A refused file is last
    because nothing is known of it, least of all that it is a film; how many there are is said
    above the list, where nobody overlooks them.
    """

    SUSPECTED = "suspected"
    REFER = "refer"
    NOT_SUSPECTED = "not_suspected"
    REFUSED = "refused"


RANKS = {urgency: rank for rank, urgency in enumerate(Urgency)}


class Status(StrEnum):
    READ = "read"
    REFUSED = "refused"
    FAILED = "failed"  # by a fault of this program


@dataclass(frozen=True)
class Entry:
    """What a worklist keeps of one film: no pixel of it."""

    number: int  # position among the sources, from 0
    source: Source
    status: Status
    sha256: str | None  # of the file's bytes; None where there were none
    estimate: Estimate | None = None
    decision: Decision | None = None
    cautions: tuple[Caution, ...] = ()
    reason: str | None = None  # of a refusal or failure: one sentence for the clinician
    seconds: float = 0.0  # maybe beside another film

    @property
    def key(self) -> str:
        """Tells this entry from every other, of this worklist or of another."""
        return f"{self.number}-{(self.sha256 or '')[:12]}"

    @property
    def urgency(self) -> Urgency:
        return Urgency(self.decision) if self.decision else Urgency.REFUSED

    @property
    def order(self) -> tuple[int, float, int]:
        """Sorts by urgency, within it by falling probability, else as the films came."""
        probability = self.estimate.probability if self.estimate else 0.0
        return RANKS[self.urgency], -probability, self.number


Job = tuple[int, Source, Future[Entry | None]]  # the number of a film, where it lies, its reading


@dataclass(frozen=True)
class Worklist:
    """Entries at one operating point, most urgent first."""

    entries: tuple[Entry, ...]
    operating_point: OperatingPoint
    classes: tuple[str, ...]
    weights: str  # revision

    @classmethod
    def of(cls, reader: Reader, entries: Iterable[Entry], *, operating_point: str) -> Worklist:
        """Decide every film anew and sort. Raises KeyError for the operating point."""
        manifest = reader.manifest
        point = manifest.operating_point(operating_point)
        limit = manifest.disagreement_limit
        decided = [
            replace(e, decision=point.decide(e.estimate, disagreement_limit=limit))
            if e.estimate
            else e
            for e in entries
        ]
        ordered = tuple(sorted(decided, key=lambda e: e.order))
        return cls(ordered, point, manifest.classes, manifest.revision)

    @property
    def counts(self) -> dict[Urgency, int]:
        """How many films stand in each group, the empty ones included."""
        found = Counter(entry.urgency for entry in self.entries)
        return {urgency: found[urgency] for urgency in Urgency}


def read_all(
    reader: Reader,
    sources: Iterable[Source],
    *,
    operating_point: str = SCREENING,
    skip: Callable[[Source, str], bool] = lambda source, sha256: False,
    shelf: Shelf | None = None,
) -> Iterator[Entry]:
    """Read films, ``reader.films_at_once`` at a time, in their order; may be closed between two.

    While one is decoded or mapped the networks look at another: on two cores that makes a tenth
    more small films a second, and a fifth more large ones. What was read ahead when a run ends is
    dropped.

    Their bytes come from ``shelf``, which is closed in the end, or else from the disk.

    A refused film is an entry with its reason. An unexpected error goes to the log with its
    traceback and its film becomes an entry that failed; the third in a row ends the run with a
    PneumoError, since then the instrument is broken. ``skip`` is asked with the sha256 of the
    content, by several threads, before a film is read and again after it, and films that it names
    yield nothing. Raises KeyError for the operating point.
    """
    reader.manifest.operating_point(operating_point)
    faults, ahead = 0, reader.films_at_once
    with closing(shelf or Shelf()) as place, ThreadPoolExecutor(ahead) as threads:
        read = partial(_read, reader, operating_point, place, skip)
        jobs = ((n, source, threads.submit(read, n, source)) for n, source in enumerate(sources))
        for number, source, job in _ahead(jobs, ahead):
            # As a value a Future hands over any error: no film's fault ends the run.
            fault = job.exception()
            if fault is None:
                faults, entry = 0, job.result()
            else:
                faults += 1
                # By number: a file's name may be a patient's.
                log.error("film %d could not be read", number, exc_info=fault)
                if faults == MAX_FAULTS_IN_A_ROW:
                    raise PneumoError(BROKEN) from fault
                entry = Entry(number, source, Status.FAILED, None, reason=FAULT)
            # Asked again, for a copy of this film may have been under way beside it.
            if entry is not None and not (entry.sha256 and skip(source, entry.sha256)):
                yield entry


def _ahead(jobs: Iterable[Job], count: int) -> Iterator[Job]:
    """The jobs in their order, each when so many have begun."""
    begun: deque[Job] = deque()
    for job in jobs:
        begun.append(job)
        if len(begun) == count:
            yield begun.popleft()
    yield from begun


def _read(
    reader: Reader,
    operating_point: str,
    shelf: Shelf,
    skip: Callable[[Source, str], bool],
    number: int,
    source: Source,
) -> Entry | None:
    started = time.perf_counter()
    sha256 = None
    try:
        data = shelf.fetch(source)
        sha256 = hashlib.sha256(data).hexdigest()
        if skip(source, sha256):
            return None
        reading = reader.read(data, operating_point=operating_point)
    except PneumoError as error:
        seconds = time.perf_counter() - started
        return Entry(number, source, Status.REFUSED, sha256, reason=str(error), seconds=seconds)
    return Entry(
        number,
        source,
        Status.READ,
        sha256,
        reading.estimate,
        reading.decision,
        reading.cautions,
        seconds=time.perf_counter() - started,
    )


def as_json(worklist: Worklist) -> dict[str, object]:
    """A worklist under schema pneumo.worklist/1; shares in [0, 1], rounded to 6 digits."""
    return {
        "schema": SCHEMA,
        "operating_point": worklist.operating_point.name,
        "weights": worklist.weights,
        "counts": {str(urgency): count for urgency, count in worklist.counts.items()},
        "films": [_film(entry, worklist.classes) for entry in worklist.entries],
    }


def _film(entry: Entry, classes: tuple[str, ...]) -> dict[str, object]:
    estimate = entry.estimate
    return {
        "file": entry.source.name,
        "urgency": str(entry.urgency),
        "status": str(entry.status),
        "reason": entry.reason,
        "decision": entry.decision and str(entry.decision),
        "probability": estimate and round(estimate.probability, 6),
        "range": estimate and [round(estimate.low, 6), round(estimate.high, 6)],
        "pattern": estimate
        and {name: round(p, 6) for name, p in zip(classes, estimate.pattern, strict=True)},
        "warnings": [caution.value for caution in entry.cautions],
        "image_sha256": entry.sha256,
        "seconds": round(entry.seconds, 3),
    }
