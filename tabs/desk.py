"""What happens on the Read tab: events in, words and pictures out. No layout."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from pneumo import PneumoError, Reader, Reading, cams, lightbox, report, view
from pneumo.caption import caption
from pneumo.language import say, spoken
from pneumo.overlay import EvidenceMap
from pneumo.readout import card
from pneumo.ward.archive import file_bytes
from tabs.zero import lent

log = logging.getLogger("pneumo.app")

Progress = Callable[[float, str], None]
# Film, map, card, the kept reading; then emptied, so that nothing of one patient is left beside
# the next: parcel, upload, identity and impression. The order of `Desk.outputs`.
Answer = tuple[str, str, str, Reading | None, str, None, str, str]
EMPTIED: tuple[str, None, str, str] = ("", None, "", "")


@dataclass
class Desk:
    """One reader's desk. A session's reading is kept by the page, never here.

    An event of another tab whose inputs are ``choices`` and whose outputs are ``outputs`` opens
    a film in this one by returning ``open(data, *chosen, progress)``.
    """

    reader: Reader
    films: dict[str, Path]  # the examples by name; only these names can be asked for
    choices: list[Any] = field(default_factory=list)  # the components of `open`'s arguments
    outputs: list[Any] = field(default_factory=list)  # the components that an Answer fills

    def __post_init__(self) -> None:
        self._explain = lent(self._explained)

    def open(
        self,
        data: bytes,
        point: str,
        pretest: float,
        method: str,
        target: str,
        progress: Progress | None = None,
    ) -> Answer:
        """Read one file's bytes, as the choices say; a refused file is an answer as well."""
        try:
            reading = self.reader.read(data, operating_point=point, progress=progress)
        except PneumoError as error:
            log.info("refused: %s", error)
            return nothing(view.refusal(error))
        said = card(reading, stated=self.stated(pretest))
        shown = self.map_of(reading, method, target)
        return lightbox.figure(reading), shown, said, reading, *EMPTIED

    def open_upload(
        self,
        film: dict[str, Any] | None,
        point: str,
        pretest: float,
        method: str,
        target: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds it by its default
    ) -> Answer:
        """A film that was dropped or chosen."""
        try:
            data = bytes_of(film)
        except PneumoError as error:
            log.info("refused: %s", error)
            return nothing(view.refusal(error))
        return self.open(data, point, pretest, method, target, telling(progress))

    def open_example(
        self,
        point: str,
        pretest: float,
        method: str,
        target: str,
        event: gr.EventData,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Answer:
        """An example that was pressed."""
        data = self.films[event.name].read_bytes()
        return self.open(data, point, pretest, method, target, telling(progress))

    def judge(self, point: str, pretest: float, reading: Reading | None, shown: str) -> Any:
        """The card at another operating point or pre-test probability; nothing is read again.

        Without a reading nothing is said: one may be arriving, whose card must stay.
        """
        if reading is None:
            return view.expired() if "data-reading" in shown else gr.skip()
        return card(self.reader.at(reading, point), stated=self.stated(pretest))

    def redraw(self, method: str, target: str, reading: Reading | None, shown: str) -> Any:
        """The map by another method or of another class."""
        if reading is None:
            return view.expired() if shown else gr.skip()
        return self.map_of(reading, method, target)

    def map_of(self, reading: Reading, method: str, target: str) -> str:
        """The evidence map and its caption."""
        held = (cams.METHODS[0], cams.targets(reading.classes)[0])  # by the reading itself
        explain = self._explained if (method, target) == held else self._explain
        return caption(reading, explain(reading, method, target))

    def _explained(self, reading: Reading, method: str, target: str) -> EvidenceMap:
        return cams.explain(self.reader, reading, method=method, target=target)

    def stated(self, pretest: float) -> float | None:
        """The pre-test probability, None where it stands at that of the training films."""
        return None if round(pretest) == self.usual else pretest / 100

    @property
    def usual(self) -> int:
        """The training films' share of pneumonia, in whole percent."""
        return view.percent(self.reader.manifest.training_prevalence)

    def paper(
        self, point: str, pretest: float, reading: Reading | None, identity: str, impression: str
    ) -> str:
        """The one-page report as a parcel."""
        if reading is None:
            return view.expired()
        from pneumo.paper.page import as_pdf  # here: the first page loads fonts

        reading = self.reader.at(reading, point)
        data = as_pdf(
            reading,
            identity=identity.strip(),
            impression=impression.strip(),
            stated=self.stated(pretest),
        )
        return parcel(reading, "pdf", "application/pdf", data)

    def record(self, point: str, reading: Reading | None) -> str:
        """The reading under its JSON schema as a parcel."""
        if reading is None:
            return view.expired()
        reading = self.reader.at(reading, point)
        data = json.dumps(report.as_json(reading, file=""), indent=1).encode()
        return parcel(reading, "json", "application/json", data)

    def read(self, film: dict[str, Any] | None, operating_point: str) -> dict[str, Any]:
        """Read one frontal chest film of a child.

        The answer (JSON, schema pneumo.reading/1) has a calibrated probability of pneumonia with
        its range, a decision at the operating point and a pattern. For research and teaching, not a
        diagnosis. A refused film is an answer, not an error.

        Parameters:
            film: The film (DICOM, PNG, JPEG or TIFF). A tool takes it as a data: address in base64.
            operating_point: screening, balanced, assisted or rule_in.
        """
        return self.answer(film, operating_point)[0]

    def answer(
        self, film: dict[str, Any] | None, operating_point: str
    ) -> tuple[dict[str, Any], Reading | None]:
        """One film's reading as JSON, and itself; a refusal has no reading."""
        names = [p.name for p in self.reader.manifest.operating_points]
        if operating_point not in names:
            raise gr.Error(f"The operating point must be one of {', '.join(names)}.")
        name, data = (film or {}).get("orig_name") or "", b""
        try:
            data = bytes_of(film)
            reading = self.reader.read(data, operating_point=operating_point)
        except PneumoError as error:
            sha256 = hashlib.sha256(data).hexdigest() if data else None
            return report.refusal_as_json(error, file=name, sha256=sha256), None
        return report.as_json(reading, file=name), reading


def nothing(said: str) -> Answer:
    """No film on the desk, and why."""
    return "", "", said, None, *EMPTIED


def parcel(reading: Reading, suffix: str, kind: str, data: bytes) -> str:
    """A file inside the page: saved at once by assets/parcel.js, and again when it is pressed.

    The server writes it nowhere: a file in gradio's cache has an address that needs no session.
    """
    name = f"pneumo-{reading.film.source.sha256[:12]}.{suffix}"
    address = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    saved = say("Saved:")
    return f'<p class="parcel">{saved} <a download="{name}" href="{address}">{name}</a></p>'


def bytes_of(film: dict[str, Any] | None) -> bytes:
    """The content of an upload; gradio has checked that its path lies among the uploads.

    Raises UnreadableImage, unread, where it is too large: a ZIP may be twenty times a film.
    """
    if not film:
        return b""
    # Unnamed, because a refusal is logged and a file's name may be a patient's.
    return file_bytes(Path(film["path"]), name="of that name")


def telling(progress: gr.Progress) -> Progress:
    """Gradio's progress bar as the reader tells of its progress."""
    return lambda share, doing: progress(share, desc=spoken(doing))
