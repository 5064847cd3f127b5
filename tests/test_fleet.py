"""Several workers under Ray write what one program writes. Needs the extra `ray`."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from conftest import EXAMPLES, ROOT

from pneumo.__main__ import main
from pneumo.errors import PneumoError, UnreadableImage
from pneumo.ward import fleet


def batch(folder: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "PNEUMO_WEIGHTS"}
    return subprocess.run(
        [sys.executable, "-m", "pneumo", "batch", str(folder), "--out", str(out), *options],
        cwd=ROOT,
        env=environment | {"PNEUMO_DEVICE": "cpu"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    folder = tmp_path / "ward"
    folder.mkdir()
    films = sorted(EXAMPLES.glob("*-1.png"))
    for film in films:
        (folder / film.name).write_bytes(film.read_bytes())
    with ZipFile(folder / "night.zip", "w") as file:
        file.write(films[0], "a.png")
        file.writestr("letter.txt", "Dear colleague")
    return folder


@pytest.mark.slow
@pytest.mark.weights
def test_two_workers_go_on_from_one_program_and_end_as_it_would(ward: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    alone, together = tmp_path / "alone.csv", tmp_path / "together.csv"
    assert batch(ward, alone).returncode == 1  # the letter is refused
    whole = alone.read_bytes()
    assert len(list(csv.reader(alone.open()))) == 1 + 5
    together.write_bytes(whole[: len(whole) // 3])  # one whole row and a part of the next
    done = batch(ward, together, "--workers", "2")
    assert done.returncode == 1, done.stderr
    assert together.read_bytes() == whole


def test_a_prefix_of_an_object_store_is_listed_in_order_and_fetched(ward: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    (ward / "huge.dcm").touch()
    os.truncate(ward / "huge.dcm", fleet.MAX_BYTES + 1)
    found = list(fleet.sources([f"file://{ward}"]))
    assert [s.name for s in found] == [f"file://{p}" for p in sorted(ward.iterdir())]
    store = fleet.Store()
    for source in found:
        path = Path(source.name.removeprefix("file://"))
        if path.name == "huge.dcm":
            with pytest.raises(UnreadableImage, match="50 MB"):
                store.fetch(source)
        else:
            assert store.fetch(source) == path.read_bytes()
    (ward / "huge.dcm").unlink()
    with pytest.raises(PneumoError, match="cannot be listed"):
        list(fleet.sources([f"file://{ward}/none"]))


def test_without_ray_several_workers_are_a_wrong_command(
    ward: Path,
    tmp_path: Path,
    tiny_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PNEUMO_WEIGHTS", str(tiny_weights))
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    out = tmp_path / "results.csv"
    assert main(["batch", str(ward), "--out", str(out), "--workers", "2"]) == 2
    assert "pip install 'pneumo[ray]'" in capsys.readouterr().err
    assert main(["batch", "s3://ward", "--out", str(out)]) == 2
    assert "pip install 'pneumo[ray]'" in capsys.readouterr().err
