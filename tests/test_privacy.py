"""What is forgotten, shown by what a running app writes, says, logs and calls."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from typing import Any
from zipfile import ZipFile

import httpx
import numpy as np
import pytest
from conftest import ROOT
from films import dicom

from pneumo import lightbox, report
from pneumo.paper.page import as_pdf
from pneumo.radiograph import decode
from pneumo.reader import Reader
from pneumo.readout import card
from pneumo.selftest import Answer
from tabs.desk import Desk
from train import selftest

PATIENT = {
    "PatientName": "Qzfamily^Qzgiven",
    "PatientID": "Qz4711",
    "PatientBirthDate": "20190317",
    "PatientAge": "097Y",
    "InstitutionName": "Qzclinic",
    "StudyDescription": "Qzstudy",
    "AccessionNumber": "Qzaccess",
    "PatientComments": "Qzcomment",
}
NAMES = [b"Qzfile", b"Qznight", b"Qzward", b"Qzletter", b"Qzcolleague"]
TAGS = [value.encode() for text in PATIENT.values() for value in text.split("^")]
FILE = "Qzfile-of-a-child.dcm"
START_S = 200  # for the program to come up, also on a machine that does much else


@pytest.fixture(scope="module")
def planted(film_bytes: bytes) -> bytes:
    """A film that is read, whose header is full of a patient."""
    pixels = np.round(255 * decode(film_bytes).pixels).astype(np.uint8)
    data = dicom(pixels, bits=8, **PATIENT)
    assert all(tag in data for tag in TAGS)
    return data


def test_a_patients_tags_are_in_nothing_that_is_made_of_a_film(
    planted: bytes, tiny_reader: Reader
) -> None:
    reading = tiny_reader.read(planted)
    pdf = as_pdf(reading)
    made = [
        repr(reading.film.source),
        report.as_text(reading, file="film"),
        json.dumps(report.as_json(reading, file="film")),
        card(reading),
        lightbox.figure(reading),
    ]
    for text in (*(m.encode() for m in made), pdf, words_of(pdf)):
        assert not [tag for tag in TAGS if tag in text]


def words_of(pdf: bytes) -> bytes:
    from pypdf import PdfReader

    page = PdfReader(io.BytesIO(pdf))
    return (page.pages[0].extract_text() + str(page.metadata)).encode()


def test_the_log_of_a_refusal_holds_no_name(
    tiny_reader: Reader, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    desk = Desk(tiny_reader, {})
    (tmp_path / FILE).write_bytes(dicom(np.zeros((9, 9), np.uint8), bits=8, **PATIENT)[:900])
    for path in (tmp_path / FILE, tmp_path / "gone" / FILE, tmp_path):
        film = {"path": str(path), "orig_name": FILE}
        desk.open_upload(film, "screening", 74, "grad_cam", "pneumonia")
    assert "refused" in caplog.text
    assert "Qz" not in caplog.text


@dataclass
class Visit:
    """One life of the app: what was asked of it, and what it left."""

    folder: Path
    answers: dict[str, Any] = field(default_factory=dict)
    during: list[str] = field(default_factory=list)  # files among the uploads
    after: list[Path] = field(default_factory=list)  # everything on its disk once it has ended
    log: bytes = b""
    written: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    code: int | None = None


class Served:
    """The program in a process, a home and a temporary folder of its own."""

    def __init__(self, folder: Path, weights: Path) -> None:
        for name in ("tmp", "home", "work"):
            (folder / name).mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        own = {"TMPDIR": "tmp", "HOME": "home", "XDG_CACHE_HOME": "home", "HF_HOME": "home"}
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("GRADIO", "PNEUMO"))}
        environment = kept | {name: str(folder / where) for name, where in own.items()}
        environment |= {"PNEUMO_WEIGHTS": str(weights), "PNEUMO_DEVICE": "cpu"}
        environment |= {"PORT": str(self.port), "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
        self.record, self.log = folder / "record.json", folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "tests" / "served.py"), str(self.record)],
                cwd=folder / "work",
                env=environment,
                stdout=log,
                stderr=log,
            )
        self.web = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=START_S)

    def wait(self) -> None:
        """Until it is healthy. Fails when it ends or does not come up."""
        for _ in range(START_S * 5):
            assert self.process.poll() is None, self.log.read_text()
            try:
                if self.web.get("/health").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        pytest.fail(self.log.read_text())

    def upload(self, name: str, data: bytes) -> dict[str, Any]:
        answer = self.web.post("/gradio_api/upload", files={"files": (name, data)})
        path = answer.raise_for_status().json()[0]
        return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def begin(self, endpoint: str, *data: object) -> str:
        """Put a question into the queue; where its answer will be."""
        call = f"/gradio_api/call/{endpoint}"
        event = self.web.post(call, json={"data": list(data)}).raise_for_status().json()
        return f"{call}/{event['event_id']}"

    def answer(self, place: str) -> Any:
        text = self.web.get(place).text
        return json.loads(text.rpartition("data: ")[2]) if "complete" in text else text

    def ask(self, endpoint: str, *data: object) -> Any:
        return self.answer(self.begin(endpoint, *data))

    def break_off_an_upload(self, data: bytes) -> None:
        """Half of a film, and then the line is dead."""
        head = (
            "POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Length: {2 * len(data)}\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
            f'Content-Disposition: form-data; name="files"; filename="{FILE}"\r\n\r\n'
        )
        with socket.create_connection(("127.0.0.1", self.port)) as line:
            line.sendall(head.encode() + data)


def archive(planted: bytes) -> bytes:
    stream = io.BytesIO()
    with ZipFile(stream, "w") as file:
        file.writestr(f"Qzward/{FILE}", planted)
        file.writestr("Qzletter.txt", "Dear Qzcolleague")
    return stream.getvalue()


@pytest.fixture(scope="module")
def visit(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_weights: Path,
    tiny_reader: Reader,
    film_path: Path,
    planted: bytes,
) -> Visit:
    folder = tmp_path_factory.mktemp("visit")
    weights = Path(copytree(tiny_weights, folder / "weights"))
    selftest.write(
        weights, Answer.of(tiny_reader.read(film_path.read_bytes()), film=film_path.name)
    )
    served = Served(folder, weights)
    try:
        served.wait()
        visit = Visit(folder)
        answers = visit.answers
        film = served.upload(FILE, planted)
        answers["read"] = served.ask("read", film, "screening")
        refused = served.upload(FILE, dicom(np.zeros((40, 40), np.uint8), bits=8, **PATIENT))
        answers["refused"] = served.ask("read", refused, "screening")
        gone = film | {"path": film["path"].replace("Qzfile", "Qzgone")}
        answers["gone"] = served.ask("read", gone, "screening")
        served.break_off_an_upload(planted)
        night = served.upload("Qznight.zip", archive(planted))
        answers["batch"] = served.ask("batch", [night], "screening")
        visit.during = [p.name for p in (folder / "tmp").rglob("*") if p.is_file()]
        place = served.begin("batch", [film] * 3, "screening")
        last = threading.Thread(target=lambda: answers.update(last=served.answer(place)))
        last.start()
        time.sleep(0.5)
        served.process.send_signal(signal.SIGTERM)
        last.join(START_S)
        visit.code = served.process.wait(START_S)
    finally:
        served.process.kill()
        served.process.wait()
    visit.log = served.log.read_bytes()
    visit.after = [
        p for place in ("tmp", "home", "work") for p in (folder / place).rglob("*") if p.is_file()
    ]
    for name, value in json.loads(served.record.read_text()).items():
        setattr(visit, name, value)
    return visit


@pytest.mark.slow
def test_the_films_were_read_and_refused(visit: Visit) -> None:
    (read,), (refused,), (batch,) = (visit.answers[n] for n in ("read", "refused", "batch"))
    assert (read["status"], refused["status"]) == ("read", "refused")
    assert [film["status"] for film in batch["films"]] == ["read", "refused"]
    assert FILE in visit.during  # so the test would see what it looks for


@pytest.mark.slow
def test_no_answer_tells_a_tag_and_a_name_only_to_whom_gave_it(visit: Visit) -> None:
    text = json.dumps(visit.answers).encode()
    assert not [tag for tag in TAGS if tag in text]
    assert "Qzgone" not in json.dumps(visit.answers["gone"])


@pytest.mark.slow
def test_the_log_holds_no_file_name_and_no_tag(visit: Visit) -> None:
    assert b"Running on" in visit.log
    assert b"Qz" not in visit.log, visit.log[-3000:]


@pytest.mark.slow
def test_nothing_is_written_outside_the_folder_of_the_uploads(visit: Visit) -> None:
    elsewhere = [p for p in visit.written if "pneumo-uploads-" not in p and p != os.devnull]
    # Libraries write as well, such as a list of fonts; none of that may be named after a film.
    assert not [p for p in elsewhere if "Qz" in p]
    assert [p for p in visit.written if FILE in p]  # so the watch sees what is written


@pytest.mark.slow
def test_nothing_of_a_film_is_left_when_the_app_has_ended(visit: Visit) -> None:
    for path in visit.after:
        assert "Qz" not in str(path.relative_to(visit.folder))
        assert not [word for word in (*TAGS, *NAMES) if word in path.read_bytes()], path
    assert not list((visit.folder / "tmp").glob("*pneumo-uploads*"))


@pytest.mark.slow
def test_nobody_outside_this_machine_is_called(visit: Visit) -> None:
    assert visit.called == []


@pytest.mark.slow
def test_a_stop_lets_what_runs_come_to_its_end(visit: Visit) -> None:
    (last,) = visit.answers["last"]
    assert [film["status"] for film in last["films"]] == ["read"] * 3
    assert visit.code == 0
