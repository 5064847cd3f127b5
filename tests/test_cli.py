"""The command line: one answer per file, whatever the file is."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from corpus import bad_files

from pneumo.__main__ import main
from pneumo.reader import Reader

KEYS = [
    "schema",
    "file",
    "status",
    "reason",
    "probability",
    "confidence",
    "range",
    "members",
    "pattern",
    "decision",
    "operating_point",
    "warnings",
    "gate",
    "image_sha256",
    "weights",
    "seconds",
]


@pytest.fixture(autouse=True)
def tiny_weights_by_default(tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PNEUMO_WEIGHTS", str(tiny_weights))
    monkeypatch.setenv("PNEUMO_DEVICE", "cpu")


def json_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_reading_as_json_has_every_key_and_the_readers_numbers(
    tiny_reader: Reader, film_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["read", str(film_path), "--json", "--operating-point", "balanced"]) == 0
    (line,) = json_lines(capsys)
    expected = tiny_reader.read(film_path.read_bytes(), operating_point="balanced")
    assert list(line) == KEYS
    assert (line["schema"], line["status"], line["reason"]) == ("pneumo.reading/1", "read", None)
    assert line["file"] == str(film_path)
    assert line["probability"] == pytest.approx(expected.estimate.probability, abs=1e-6)
    assert line["range"] == pytest.approx([expected.estimate.low, expected.estimate.high], abs=1e-6)
    assert line["confidence"] == pytest.approx(expected.confidence, abs=1e-6)
    assert [m["name"] for m in line["members"]] == ["tiny-0", "tiny-1"]
    mean = sum(m["probability"] for m in line["members"]) / 2
    assert line["probability"] == pytest.approx(mean, abs=1e-6)
    assert list(line["pattern"]) == ["normal", "bacterial", "viral"]
    assert sum(line["pattern"].values()) == pytest.approx(1, abs=1e-5)
    assert line["probability"] == pytest.approx(1 - line["pattern"]["normal"], abs=1e-5)
    assert (line["decision"], line["operating_point"]) == (expected.decision.value, "balanced")
    assert line["image_sha256"] == hashlib.sha256(film_path.read_bytes()).hexdigest()
    assert line["weights"] == "tiny"
    assert line["seconds"] > 0


def test_a_refused_file_does_not_stop_the_rest(
    film_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note = tmp_path / "SOURCES.md"
    note.write_text("# Sources\n")
    files = [str(note), str(film_path), str(tmp_path / "gone.png"), str(tmp_path), str(film_path)]
    assert main(["read", *files, "--json"]) == 1
    lines = json_lines(capsys)
    assert [line["file"] for line in lines] == files
    assert [line["status"] for line in lines] == ["refused", "read", "refused", "refused", "read"]
    for line in lines:
        assert list(line) == KEYS
        if line["status"] == "refused":
            assert line["reason"].endswith(".")
            assert line["probability"] is None
            assert line["decision"] is None
    assert lines[0]["image_sha256"] == hashlib.sha256(note.read_bytes()).hexdigest()
    assert lines[2]["reason"].startswith("There is no file")
    assert lines[2]["image_sha256"] is None
    assert "folder" in lines[3]["reason"]


def test_for_people_it_prints_a_few_aligned_lines(
    film_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["read", str(film_path), str(tmp_path / "gone.png")]) == 1
    out = capsys.readouterr().out
    first, _, rest = out.partition(f"{tmp_path / 'gone.png'}\n")
    assert first.splitlines()[0] == str(film_path)
    labels = [line.split()[0] for line in first.splitlines()[1:]]
    assert labels[:4] == ["decision", "probability", "confidence", "pattern"]
    assert len({len(line) - len(line[15:].lstrip()) for line in first.splitlines()[1:]}) == 1
    assert " 0 %" not in out
    assert "100 %" not in out
    assert rest.split()[0] == "refused"


def test_an_unknown_operating_point_is_a_wrong_command(
    film_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["read", str(film_path), "--operating-point", "certain"])
    assert end.value.code == 2
    assert "choose screening, balanced, rule_in" in capsys.readouterr().err


def test_without_weights_it_says_so_and_reads_nothing(
    film_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PNEUMO_WEIGHTS", str(tmp_path))
    assert main(["read", str(film_path), "--json"]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "manifest.json" in streams.err


@pytest.mark.slow
def test_every_bad_file_is_answered_with_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = bad_files()
    paths = [tmp_path / f"{i}.png" for i in range(len(bad))]  # the content decides, not the name
    for path, data in zip(paths, bad.values(), strict=True):
        path.write_bytes(data)
    assert main(["read", *map(str, paths), "--json"]) == 1
    lines = json_lines(capsys)
    assert len(lines) == len(bad)
    for name, line in zip(bad, lines, strict=True):
        assert line["status"] == "refused", name
        assert line["reason"].endswith("."), name
        assert "\n" not in line["reason"], name
        assert line["image_sha256"] == hashlib.sha256(bad[name]).hexdigest()


@pytest.mark.slow
@pytest.mark.weights
def test_every_example_gets_one_valid_line_and_the_others_are_refused() -> None:
    root = Path(__file__).parents[1]
    files = sorted(str(p.relative_to(root)) for p in (root / "examples").iterdir())
    environment = {k: v for k, v in os.environ.items() if k != "PNEUMO_WEIGHTS"}
    done = subprocess.run(
        [sys.executable, "-m", "pneumo", "read", *files, "--json"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr  # SOURCES.md and the non-film are refused
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"] for line in lines] == files
    refused = {Path(line["file"]).name for line in lines if line["status"] == "refused"}
    assert "SOURCES.md" in refused
    assert len(refused) == 2
    assert len(lines) - len(refused) >= 8
