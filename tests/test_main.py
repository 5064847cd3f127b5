"""The commands `batch` and `info`; `read` has its tests in test_cli."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from pneumo import __version__
from pneumo.__main__ import STOPPED, main
from pneumo.reader import Reader


@pytest.fixture(autouse=True)
def tiny_weights_by_default(tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PNEUMO_WEIGHTS", str(tiny_weights))
    monkeypatch.setenv("PNEUMO_DEVICE", "cpu")


@pytest.fixture
def ward(tmp_path: Path, film_bytes: bytes) -> Path:
    folder = tmp_path / "ward"
    (folder / "night").mkdir(parents=True)
    for name in ("a.png", "b.png", "night/c.png"):
        (folder / name).write_bytes(film_bytes + name.encode())  # what follows a PNG is ignored
    return folder


@pytest.fixture
def read_films(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The contents that reach the networks; films that are read at once in either order."""
    seen: list[bytes] = []
    read = Reader.read

    def noted(self: Reader, data: bytes, **options: Any) -> Any:
        seen.append(data)
        return read(self, data, **options)

    monkeypatch.setattr(Reader, "read", noted)
    return seen


def rows(out: Path) -> list[dict[str, str]]:
    with out.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_folder_becomes_one_row_per_film(
    ward: Path, tmp_path: Path, tiny_reader: Reader, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results.csv"
    assert main(["batch", str(ward), "--out", str(out), "--operating-point", "balanced"]) == 0
    found = rows(out)
    assert [r["file"] for r in found] == [f"{ward}/a.png", f"{ward}/b.png", f"{ward}/night/c.png"]
    for row in found:
        expected = tiny_reader.read(Path(row["file"]).read_bytes(), operating_point="balanced")
        assert float(row["probability"]) == pytest.approx(expected.estimate.probability, abs=1e-6)
        assert row["decision"] == expected.decision
        assert row["sha256"] == expected.film.source.sha256
        assert (row["operating_point"], row["weights"]) == ("balanced", "tiny")
    streams = capsys.readouterr()
    assert "3 films" in streams.out
    assert "3/3" in streams.err  # the bar


def test_a_second_run_reads_only_what_is_new_or_changed(
    ward: Path, tmp_path: Path, read_films: list[bytes], film_bytes: bytes
) -> None:
    out = tmp_path / "results.csv"
    command = ["batch", str(ward), "--out", str(out)]
    assert main(command) == 0
    assert len(read_films) == 3
    assert main(command) == 0
    assert len(read_films) == 3
    (ward / "b.png").write_bytes(film_bytes + b"changed")
    (ward / "d.png").write_bytes(film_bytes + b"new")
    assert main(command) == 0
    assert sorted(data[-3:] for data in read_films[3:]) == [b"ged", b"new"]
    assert len(rows(out)) == 5  # the changed film has a row for either content


def test_a_run_that_was_cut_goes_on_and_ends_as_if_it_had_not(
    ward: Path, tmp_path: Path, read_films: list[bytes]
) -> None:
    out = tmp_path / "results.csv"
    command = ["batch", str(ward), "--out", str(out)]
    main(command)
    whole = out.read_bytes()
    out.write_bytes(whole[:-40])
    assert main(command) == 0
    assert len(read_films) == 3 + 1
    assert out.read_bytes() == whole


def test_a_run_stopped_by_hand_keeps_what_it_read(
    ward: Path,
    tmp_path: Path,
    read_films: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from pneumo.ward.spreadsheet import Ledger

    write = Ledger.write

    def stopping(self: Ledger, entry: Any) -> None:
        write(self, entry)
        if entry.number == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Ledger, "write", stopping)
    out = tmp_path / "results.csv"
    command = ["batch", str(ward), "--out", str(out)]
    assert main(command) == STOPPED
    assert "goes on" in capsys.readouterr().err
    assert len(rows(out)) == 2
    monkeypatch.setattr(Ledger, "write", write)
    assert main(command) == 0
    assert len(rows(out)) == 3
    under_way = Reader.films_at_once - 1  # at the stop; they are read again
    assert len(read_films) <= 3 + under_way


def test_archives_films_and_folders_mix_and_a_bad_file_stops_nothing(
    ward: Path, tmp_path: Path, film_bytes: bytes
) -> None:
    with ZipFile(tmp_path / "day.zip", "w") as file:
        file.writestr("e.png", film_bytes)
        file.writestr("=cmd().txt", "no film")
    single = shutil.copy(ward / "a.png", tmp_path / "=1+1.png")
    out = ward / "results.csv"  # among the films, and none of them
    sources = [str(tmp_path / "day.zip"), str(ward), "gone.png", str(single)]
    for _ in range(2):
        assert main(["batch", *sources, "--out", str(out)]) == 1
        found = {r["file"].removeprefix(f"{tmp_path}/"): r["status"] for r in rows(out)}
        assert found == {
            "day.zip/e.png": "read",
            "day.zip/=cmd().txt": "refused",
            "ward/a.png": "read",
            "ward/b.png": "read",
            "ward/night/c.png": "read",
            "gone.png": "refused",
            "=1+1.png": "read",
        }


def test_results_of_other_weights_are_refused_with_a_sentence(
    ward: Path, tmp_path: Path, read_films: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results.csv"
    assert main(["batch", str(ward), "--out", str(out)]) == 0
    out.write_text(out.read_text().replace('"tiny"', '"older"'))
    before = out.read_bytes()
    read_films.clear()
    assert main(["batch", str(ward), "--out", str(out)]) == 2
    assert "weights older, and this is tiny" in capsys.readouterr().err
    assert out.read_bytes() == before
    assert read_films == []


def test_a_source_without_films_is_a_wrong_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["batch", str(tmp_path), "--out", str(tmp_path / "results.csv")]) == 2
    assert "no film" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_info_names_what_would_read(
    tiny_reader: Reader, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for fact in (__version__, "tiny,", "cpu", f"{tiny_weights}, as PNEUMO_WEIGHTS says"):
        assert fact in out
    for member in tiny_reader.manifest.members:
        assert f"{member.name}: tiny, {member.geometry.replace('_', ' ')}, 96 px" in out
    # The tiny points share a sensitivity and a specificity of 0.9.
    assert "screening: flags from 20 %; misses 10 of 100 with pneumonia, flags 10" in out
    assert out.count("flags from") == 3


@pytest.mark.slow
@pytest.mark.weights
def test_without_a_named_folder_info_says_where_the_weights_were_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PNEUMO_WEIGHTS")
    assert main(["info"]) == 0
    assert "weights, beside the program" in capsys.readouterr().out
