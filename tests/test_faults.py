"""What breaks under the program: the disk, the card's memory, the weights, its own process."""

from __future__ import annotations

import dataclasses
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT, WEIGHTS

from pneumo import reader as reading_path
from pneumo.__main__ import main
from pneumo.bundle import load_bundle
from pneumo.errors import BrokenBundle
from pneumo.gate import Caution
from pneumo.reader import Reader, load_reader
from pneumo.selftest import SELFTEST, Answer, load_answer, require_same_answer
from pneumo.ward import spreadsheet
from train import selftest

HOLD_A_FOLDER = """
from tabs import uploads
(uploads.claim() / "film.png").write_bytes(b"a film")
print("held", flush=True)
input()
"""


@pytest.fixture
def folder(tiny_weights: Path, tmp_path: Path, tiny_reader: Reader, film_path: Path) -> Path:
    """Weights with their self-test, to damage."""
    copy = Path(shutil.copytree(tiny_weights, tmp_path / "weights"))
    film = film_path.read_bytes()
    selftest.write(copy, Answer.of(tiny_reader.read(film), film=film_path.name))
    return copy


def test_a_full_card_is_said_and_the_processor_answers_alike(
    folder: Path, film_bytes: bytes, tiny_reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Reader(load_bundle(folder), device=torch.device("meta"))
    find = reading_path.find_lungs

    def full(network: Any, picture: torch.Tensor) -> Any:
        if picture.device.type == "meta":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return find(network, picture)

    monkeypatch.setattr(reading_path, "find_lungs", full)
    told = card.read(film_bytes)
    assert told.estimate.probability == tiny_reader.read(film_bytes).estimate.probability
    assert Caution.BY_PROCESSOR in told.cautions
    spare = card.spare
    card.read(film_bytes)
    assert card.spare is spare  # loaded once
    assert Caution.BY_PROCESSOR not in tiny_reader.read(film_bytes).cautions


def test_memory_that_the_processor_lacks_is_no_refusal_of_the_film(
    folder: Path, film_bytes: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(network: Any, picture: torch.Tensor) -> Any:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(reading_path, "find_lungs", full)
    with pytest.raises(torch.OutOfMemoryError):
        load_reader(folder, device=torch.device("cpu")).read(film_bytes)


@pytest.fixture
def small_disk() -> Iterator[Any]:
    """Files of this process may not grow beyond a size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_batch_whose_disk_is_full_says_so_and_goes_on_later(
    folder: Path,
    film_bytes: bytes,
    tmp_path: Path,
    small_disk: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PNEUMO_WEIGHTS", str(folder))
    monkeypatch.setenv("PNEUMO_DEVICE", "cpu")
    films, out = tmp_path / "films", tmp_path / "results.csv"
    films.mkdir()
    for number in range(4):
        (films / f"{number}.png").write_bytes(film_bytes + bytes([number]))
    command = ["batch", str(films), "--out", str(out)]
    small_disk(800)  # the heading and about one row
    code = main(command)
    small_disk(resource.RLIM_INFINITY)
    assert code == 2
    assert spreadsheet.FULL in capsys.readouterr().err
    assert main(command) == 0
    written = out.read_text().splitlines()
    assert len(written) == 1 + 4
    assert len(set(written)) == 5


def test_weights_that_cannot_be_written_are_read_all_the_same(
    folder: Path, film_bytes: bytes
) -> None:
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    assert load_reader(folder, device=torch.device("cpu")).read(film_bytes)
    assert {p.name: p.stat().st_mtime_ns for p in folder.iterdir()} == before
    folder.chmod(0o755)


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped", "another's"])
def test_an_ensemble_is_whole_or_not_at_all(folder: Path, damage: str) -> None:
    last = folder / load_bundle(folder).manifest.members[-1].weights.file
    data = bytearray(last.read_bytes())
    if damage == "missing":
        last.unlink()
    elif damage == "another's":
        shutil.copy(folder / load_bundle(folder).manifest.members[0].weights.file, last)
    else:
        data[len(data) // 2] ^= 1
        last.write_bytes({"empty": b"", "cut": data[:-9], "flipped": data}[damage])
    with pytest.raises(BrokenBundle, match=last.name):
        load_reader(folder)


def test_a_machine_that_computes_alike_passes_its_self_test(
    folder: Path, film_path: Path, tiny_reader: Reader
) -> None:
    reader = load_reader(folder, device=torch.device("cpu"))
    given = require_same_answer(reader, films=film_path.parent)
    assert given == load_answer(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"probability": 0.9}, "off the stored one"),
        ({"members": (0.5, 0.001)}, "off the stored one"),
        ({"members": (0.5,)}, "off the stored one"),
        ({"weights": "older"}, "belongs to weights older"),
        ({"film": "gone.png"}, "is missing"),
        ({"film": "../../etc/hostname"}, "is missing"),
        ({"film_sha256": "0" * 64}, "was altered"),
    ],
)
def test_a_machine_that_does_not_is_not_served_from(
    folder: Path, film_path: Path, change: dict[str, Any], said: str
) -> None:
    stored = load_answer(folder)
    selftest.write(folder, dataclasses.replace(stored, **change))
    reader = load_reader(folder, device=torch.device("cpu"))
    with pytest.raises(BrokenBundle, match=said):
        require_same_answer(reader, films=film_path.parent)


@pytest.mark.parametrize("text", [None, "", "{}", "[1]", '{"weights": 3}'])
def test_weights_without_a_usable_self_test_are_not_served_from(
    folder: Path, text: str | None
) -> None:
    (folder / SELFTEST).unlink()
    if text is not None:
        (folder / SELFTEST).write_text(text)
    with pytest.raises(BrokenBundle, match=r"python -m train\.selftest"):
        load_answer(folder)


@pytest.mark.weights
def test_the_shipped_self_test_belongs_to_the_shipped_weights() -> None:
    stored, manifest = load_answer(WEIGHTS), load_bundle(WEIGHTS).manifest
    assert stored.weights == manifest.revision
    assert len(stored.members) == len(manifest.members)
    assert 0.02 < stored.probability < 0.98  # a certain answer would hide a change


def test_what_a_killed_process_left_is_gone_at_the_next_start(tmp_path: Path) -> None:
    environment = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}

    def hold() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD_A_FOLDER],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    killed, running = hold(), hold()
    assert len(list(tmp_path.rglob("film.png"))) == 2
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    third = hold()
    assert len(list(tmp_path.rglob("film.png"))) == 2  # the killed one's is gone, the others stay
    for process in (running, third):
        process.communicate("\n")
    assert list(tmp_path.iterdir()) == []
