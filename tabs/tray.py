"""What happens on the Worklist tab: events in, words and lists out. No layout."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import gradio as gr

from pneumo import PneumoError, Reader, view
from pneumo.ward import worklist_table as words
from pneumo.ward.archive import MAX_ARCHIVE_BYTES, Shelf, Source, films
from pneumo.ward.worklist import Entry, Worklist, as_json, read_all
from tabs.desk import Desk, telling

MAX_FILMS = 1_000  # in one go; gradio takes no more files at once
TOUCH_EVERY_S = 60  # far below the age at which uploads are purged
SHOW_EVERY_S = 0.4  # and a second more for each 400 films: a long list takes the browser longer

TOO_MANY = f"These are more than {MAX_FILMS:,} films; leave some out, or use the command line."
TOO_LARGE = f"One of these files has more than {MAX_ARCHIVE_BYTES // 10**9} GB; leave it out."
NOTHING = "There is no film among these files; choose films or a ZIP archive of films."
GONE = "This film is no longer kept; drop it again to open it."

Uploads = list[dict[str, Any]] | None
Page = tuple[Any, ...]  # status, list, what is kept, upload, operating point, stop
SAME = gr.skip()


@dataclass(frozen=True)
class Kept:
    """A session's list: no film, only where the uploads lie until they are purged."""

    worklist: Worklist
    films: int  # how many were to be read


@dataclass(frozen=True)
class Tray:
    """One reader's tray, whose films open on a desk. A session's list is kept by the page."""

    reader: Reader
    desk: Desk

    def run(self, uploads: Uploads, operating_point: str) -> Iterator[Page]:
        """Read uploads in turn; each step is the page so far."""
        try:
            sources = listed(uploads)
        except PneumoError as error:
            yield refused(str(error))
            return
        yield begun(words.progress(done=0, films=len(sources), seconds=0))
        yield from self._read(sources, operating_point)

    def _read(self, sources: list[Source], operating_point: str) -> Iterator[Page]:
        pace, entries, kept = Pace(), list[Entry](), None
        try:
            for entry in read_all(self.reader, sources, operating_point=operating_point):
                entries.append(entry)
                done = len(entries)
                worklist = Worklist.of(self.reader, entries, operating_point=operating_point)
                kept = Kept(worklist, len(sources))
                if pace.touches():
                    keep_alive(sources)
                status = words.progress(done=done, films=len(sources), seconds=pace.seconds)
                yield status, words.table(worklist) if pace.shows(done) else SAME, kept, *[SAME] * 3
        except PneumoError as error:
            status, *rest = self.ended(kept)
            yield view.refusal(error) + status, *rest
            return
        keep_alive(sources)
        yield self.ended(kept)

    def ended(self, kept: Kept | None) -> Page:
        """The page after the last film, or after a stop."""
        if kept is None:
            return idle(welcome(), "", None)
        status = words.summary(kept.worklist, films=kept.films)
        return idle(status, words.table(kept.worklist), kept)

    def judge(self, operating_point: str, kept: Kept | None, shown: str) -> Page:
        """Status, list and what is kept at another operating point; nothing is read again."""
        if kept is None:
            return words.expired() if shown else SAME, SAME, SAME
        entries = kept.worklist.entries
        again = Worklist.of(self.reader, entries, operating_point=operating_point)
        status = words.summary(again, films=kept.films)
        return status, words.table(again), Kept(again, kept.films)

    def open(
        self,
        kept: Kept | None,
        operating_point: str,
        pretest: float,
        method: str,
        target: str,
        event: gr.EventData,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds it by its default
    ) -> Iterator[Page]:
        """Lead to the desk at once, then read the film there at the list's operating point.

        Each step is what the desk shows, its operating point, its tab, and this tab's status.
        """
        same = [SAME] * len(self.desk.outputs)
        try:
            data = film(kept, event.film)
        except PneumoError as error:
            yield *same, SAME, SAME, view.refusal(error)
            return
        yield *same, operating_point, gr.Tabs(selected="read"), SAME
        answer = self.desk.open(data, operating_point, pretest, method, target, telling(progress))
        yield *answer, SAME, SAME, SAME

    def batch(self, films: Uploads, operating_point: str) -> dict[str, object]:
        """Read many frontal chest films of children, or ZIP archives of them, most urgent first.

        The answer (JSON, schema pneumo.worklist/1) has a row for each film. For research and
        teaching, not a diagnosis. A refused film is an answer, not an error.

        Parameters:
            films: Films, or ZIP archives of them. A tool takes each as a data: address in base64.
            operating_point: screening, balanced, assisted or rule_in.
        """
        names = [p.name for p in self.reader.manifest.operating_points]
        if operating_point not in names:
            raise gr.Error(f"The operating point must be one of {', '.join(names)}.")
        try:
            sources = listed(films)
        except PneumoError as error:
            raise gr.Error(str(error)) from error
        entries = read_all(self.reader, sources, operating_point=operating_point)
        return as_json(Worklist.of(self.reader, entries, operating_point=operating_point))


class Pace:
    """When what is too slow to be done after every film is due."""

    def __init__(self) -> None:
        self._begun = self._shown = self._touched = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._begun

    def shows(self, rows: int) -> bool:
        """Whether the list is due, now that it has so many rows."""
        due = rows == 1 or time.monotonic() - self._shown > SHOW_EVERY_S + rows / 400
        self._shown = time.monotonic() if due else self._shown
        return due

    def touches(self) -> bool:
        """Whether the uploads are due for another sign of life."""
        due = time.monotonic() - self._touched > TOUCH_EVERY_S
        self._touched = time.monotonic() if due else self._touched
        return due


def listed(uploads: Uploads) -> list[Source]:
    """The films of uploads, archives opened. Raises PneumoError for none and for too many."""
    given = [Source(u.get("orig_name") or "", Path(u["path"])) for u in uploads or []]
    found = list(islice(chain.from_iterable(map(films, given)), MAX_FILMS + 1))
    if len(found) > MAX_FILMS:
        raise PneumoError(TOO_MANY)
    if not found:
        raise PneumoError(NOTHING)
    return found


def film(kept: Kept | None, key: str) -> bytes:
    """The bytes of one film of a list while its upload is there. Raises PneumoError."""
    entries = kept.worklist.entries if kept else ()
    entry = next((e for e in entries if e.key == key), None)
    if entry is None or not entry.source.path.exists():
        raise PneumoError(GONE)
    with contextlib.closing(Shelf()) as shelf:
        return shelf.fetch(entry.source)


def keep_alive(sources: list[Source]) -> None:
    """Put the purging of uploads off while they are read: it goes by a file's last change."""
    for path in {source.path for source in sources}:
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)


def welcome() -> str:
    return words.welcome(most=MAX_FILMS, archive_bytes=MAX_ARCHIVE_BYTES)


def refused(sentence: str) -> Page:
    """The page when nothing was read at all."""
    return idle(view.refusal(PneumoError(sentence)), "", None)


def begun(status: str) -> Page:
    """The page when the reading starts: nothing that would disturb it can be pressed."""
    locked = gr.Radio(interactive=False)
    return status, "", None, gr.File(None, visible=False), locked, gr.Button(visible=True)


def idle(status: str, rows: str, kept: Kept | None) -> Page:
    """The page when nothing is being read."""
    free = gr.Radio(interactive=True)
    return status, rows, kept, gr.File(None, visible=True), free, gr.Button(visible=False)
