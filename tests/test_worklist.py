"""Many films in turn: who comes first, what a bad file does, and what leaves the house."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any
from zipfile import ZipFile

import pytest

from pneumo.calibration import Estimate
from pneumo.decision import Decision
from pneumo.errors import PneumoError
from pneumo.gate import Caution
from pneumo.reader import Reader
from pneumo.ward.archive import Source, films, in_folders
from pneumo.ward.spreadsheet import as_csv, heading, ledger, safe
from pneumo.ward.worklist import FAULT, Entry, Status, Urgency, Worklist, as_json, read_all
from pneumo.ward.worklist_table import progress, summary, table

WIDE = "\uff1d\uff0b\uff0d\uff20"  # the wide forms of = + - @


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory, film_bytes: bytes) -> list[Source]:
    """A film, a letter, a gone file, and a ZIP of two films and an empty file."""
    folder = tmp_path_factory.mktemp("ward")
    (folder / "film.png").write_bytes(film_bytes)
    (folder / "letter.txt").write_text("Dear colleague")
    with ZipFile(folder / "night.zip", "w") as file:
        for name, data in {"1.png": film_bytes, "2.png": film_bytes, "0.png": b""}.items():
            file.writestr(name, data)
    names = ("film.png", "letter.txt", "gone.png", "night.zip")
    return [film for name in names for film in films(Source(name, folder / name))]


def entry(number: int, *, low: float, high: float, decision: Decision = Decision.REFER) -> Entry:
    middle = (low + high) / 2
    estimate = Estimate(middle, low, high, (low, high), (1 - middle, middle, 0.0), 0.2)
    return Entry(number, Source(f"{number}.png", Path()), Status.READ, "00", estimate, decision)


def refused(number: int, name: str = "x") -> Entry:
    return Entry(number, Source(name, Path()), Status.REFUSED, None, reason="Not a film.")


def worklist(reader: Reader, *entries: Entry, point: str = "balanced") -> Worklist:
    return Worklist.of(reader, entries, operating_point=point)


def test_the_suspected_come_first_then_the_doubtful_then_the_rest_by_probability(
    tiny_reader: Reader,
) -> None:
    films = [
        refused(0),
        entry(1, low=0.1, high=0.1),
        entry(2, low=0.7, high=0.8),
        entry(3, low=0.2, high=0.9),  # on both sides of the threshold of 0.5
        entry(4, low=0.9, high=0.9),
        entry(5, low=0.3, high=0.4),
        entry(6, low=0.4, high=0.9),
    ]
    listed = worklist(tiny_reader, *films)
    assert [e.number for e in listed.entries] == [4, 2, 6, 3, 5, 1, 0]
    assert [e.urgency for e in listed.entries] == [
        *[Urgency.SUSPECTED] * 2,
        *[Urgency.REFER] * 2,
        *[Urgency.NOT_SUSPECTED] * 2,
        Urgency.REFUSED,
    ]
    assert list(listed.counts.values()) == [2, 2, 2, 1]


def test_films_of_equal_probability_stay_in_the_order_in_which_they_came(
    tiny_reader: Reader,
) -> None:
    films = [entry(n, low=0.9, high=0.9) for n in (3, 0, 2, 1)]
    assert [e.number for e in worklist(tiny_reader, *films).entries] == [0, 1, 2, 3]


def test_another_operating_point_decides_as_the_reader_does(
    tiny_reader: Reader, ward: list[Source], film_bytes: bytes
) -> None:
    entries = list(read_all(tiny_reader, ward[:1], operating_point="rule_in"))
    for point in tiny_reader.manifest.operating_points:
        (again,) = worklist(tiny_reader, *entries, point=point.name).entries
        assert again.decision == tiny_reader.read(film_bytes, operating_point=point.name).decision


def test_one_bad_file_never_stops_the_rest(
    tiny_reader: Reader, ward: list[Source], film_bytes: bytes
) -> None:
    entries = list(read_all(tiny_reader, ward))
    assert [e.source for e in entries] == ward
    assert [e.number for e in entries] == list(range(6))
    good, bad = "read", "refused"
    assert [e.status for e in entries] == [good, bad, bad, good, good, bad]
    expected = tiny_reader.read(film_bytes)
    for read in (e for e in entries if e.estimate):
        assert read.estimate == expected.estimate
        assert read.cautions == expected.cautions
        assert read.sha256 == expected.film.source.sha256
    for each in (e for e in entries if not e.estimate):
        assert each.reason is not None
        assert each.reason.endswith(".")


class Stumbling:
    """A reader that breaks on some of its films, as a fault of the program would."""

    def __init__(self, reader: Reader, *, on: set[int]) -> None:
        self.manifest, self._reader, self._on = reader.manifest, reader, on
        self.films_at_once = reader.films_at_once

    def read(self, data: bytes, **options: Any) -> object:
        if data[-1] in self._on:
            raise RuntimeError("secret detail")
        return self._reader.read(data, **options)


@pytest.fixture
def numbered(ward: list[Source], tmp_path: Path) -> list[Source]:
    """Six films, each with its number behind the picture."""
    for number in range(6):
        tmp_path.joinpath(f"{number}.png").write_bytes(ward[0].path.read_bytes() + bytes([number]))
    return list(in_folders([tmp_path]))


def test_a_fault_is_logged_marked_and_passed_over(
    tiny_reader: Reader, numbered: list[Source], caplog: pytest.LogCaptureFixture
) -> None:
    stumbling: Any = Stumbling(tiny_reader, on={1, 2, 4})
    with caplog.at_level(logging.ERROR):
        entries = list(read_all(stumbling, numbered))
    assert [e.status for e in entries] == ["read", "failed", "failed", "read", "failed", "read"]
    assert entries[1].reason == FAULT
    assert entries[1].urgency is Urgency.REFUSED
    assert caplog.text.count("RuntimeError: secret detail") == 3  # with its traceback
    assert not re.search(r"\b[0-5]\.png", caplog.text)  # a name may be a patient's


def test_three_faults_in_a_row_end_the_run(
    tiny_reader: Reader, numbered: list[Source], caplog: pytest.LogCaptureFixture
) -> None:
    stumbling: Any = Stumbling(tiny_reader, on={1, 2, 3})
    entries = []
    with pytest.raises(PneumoError, match="three films in a row") as end:
        entries.extend(read_all(stumbling, numbered))
    assert isinstance(end.value.__cause__, RuntimeError)
    run = read_all(Stumbling(tiny_reader, on={1, 2, 3}), numbered)  # type: ignore[arg-type]
    assert [next(run).status for _ in range(3)] == ["read", "failed", "failed"]
    assert caplog.text.count("secret detail") >= 3


def test_films_are_fetched_no_more_than_one_ahead(tiny_reader: Reader, ward: list[Source]) -> None:
    asked = []

    def asking() -> Iterator[Source]:
        for source in ward:
            asked.append(source)
            yield source

    run = read_all(tiny_reader, asking())
    assert asked == []
    next(run)
    assert asked == ward[: Reader.films_at_once]
    next(run)
    assert asked == ward[: Reader.films_at_once + 1]


def test_two_films_are_read_at_once_and_handed_over_in_turn(
    tiny_reader: Reader, numbered: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    other, read = Barrier(Reader.films_at_once, timeout=60), tiny_reader.read

    def together(data: bytes, **options: Any) -> object:
        other.wait()  # fails when nobody else comes
        return read(data, **options)

    monkeypatch.setattr(tiny_reader, "read", together)
    entries = list(read_all(tiny_reader, numbered))
    assert [(e.number, e.status) for e in entries] == [(n, "read") for n in range(6)]
    assert [e.source for e in entries] == numbered


def test_a_copy_that_is_read_beside_its_film_is_skipped_too(
    tiny_reader: Reader, ward: list[Source]
) -> None:
    taken = set[str]()
    for each in read_all(tiny_reader, ward[:1] * 3, skip=lambda source, sha256: sha256 in taken):
        assert each.sha256
        assert each.sha256 not in taken
        taken.add(each.sha256)
    assert len(taken) == 1


def test_a_run_that_is_stopped_closes_its_archive(
    tiny_reader: Reader, ward: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    enter = ZipFile.__enter__
    monkeypatch.setattr(ZipFile, "__enter__", lambda self: opened.append(self) or enter(self))
    run: Any = read_all(tiny_reader, ward[3:])
    next(run)
    assert opened[-1].fp is not None
    run.close()
    assert opened[-1].fp is None


def test_an_unknown_operating_point_reads_nothing(tiny_reader: Reader, ward: list[Source]) -> None:
    with pytest.raises(KeyError):
        next(read_all(tiny_reader, ward, operating_point="certain"))


def test_a_film_that_is_to_be_skipped_is_not_read(
    tiny_reader: Reader, ward: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny_reader, "read", lambda *_, **__: pytest.fail("was read"))
    skipped = list(read_all(tiny_reader, ward[:1], skip=lambda source, sha256: len(sha256) == 64))
    assert skipped == []


def test_the_json_of_a_worklist_is_sorted_and_rounded(
    tiny_reader: Reader, ward: list[Source], film_bytes: bytes
) -> None:
    listed = worklist(tiny_reader, *read_all(tiny_reader, ward))
    answer: Any = json.loads(json.dumps(as_json(listed)))
    assert answer["schema"] == "pneumo.worklist/1"
    assert (answer["operating_point"], answer["weights"]) == ("balanced", "tiny")
    assert sum(answer["counts"].values()) == len(answer["films"]) == 6
    expected = tiny_reader.read(film_bytes, operating_point="balanced")
    first, last = answer["films"][0], answer["films"][-1]
    assert first["decision"] == first["urgency"] == expected.decision
    assert first["probability"] == pytest.approx(expected.estimate.probability, abs=1e-6)
    assert list(first["pattern"]) == ["normal", "bacterial", "viral"]
    assert (last["status"], last["urgency"], last["probability"]) == ("refused", "refused", None)
    assert last["range"] is last["pattern"] is last["decision"] is None
    assert {tuple(film) for film in answer["films"]} == {tuple(first)}


def test_the_csv_of_a_worklist_says_what_its_json_says(
    tiny_reader: Reader, ward: list[Source]
) -> None:
    listed = worklist(tiny_reader, *read_all(tiny_reader, ward))
    rows = list(csv.DictReader(io.StringIO(as_csv(listed))))
    answer: Any = as_json(listed)
    for row, film in zip(rows, answer["films"], strict=True):
        for column in ("file", "urgency", "status"):
            assert row[column] == film[column]
        assert row["sha256"] == (film["image_sha256"] or "")
        assert row["reason"] == (film["reason"] or "")
        if film["probability"] is not None:
            assert float(row["probability"]) == film["probability"]
            assert [float(row["low"]), float(row["high"])] == film["range"]
            assert float(row["pattern_viral"]) == film["pattern"]["viral"]
        else:
            assert row["probability"] == row["pattern_viral"] == ""


@pytest.mark.parametrize(
    "name",
    [
        "=cmd()",
        "+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        f"{WIDE[0]}1",
        f"{WIDE[3]}x",
        "'=1",
        "\x00=1",
    ],
)
def test_no_name_becomes_a_formula_or_a_second_line(tiny_reader: Reader, name: str) -> None:
    text = as_csv(worklist(tiny_reader, refused(0, name), refused(1, f'a";{name}')))
    assert len(text.splitlines()) == 3
    for cell in (row[0] for row in list(csv.reader(io.StringIO(text)))[1:]):
        assert cell.isprintable()
        assert not cell.startswith(tuple(f"=+-@\t\r{WIDE}"))
    assert all(line.startswith('"') for line in text.splitlines())


def test_different_names_stay_different_cells() -> None:
    names = ["=1", "'=1", "''=1", "\n", "a\u202eb", "ab", "Röntgen.png", "胸部.png"]
    assert len({safe(name) for name in names}) == len(names)
    assert safe("Röntgen 胸部.png") == "Röntgen 胸部.png"


def test_a_results_file_goes_on_after_any_cut(
    tiny_reader: Reader, ward: list[Source], tmp_path: Path
) -> None:
    out = tmp_path / "results.csv"
    entries = list(read_all(tiny_reader, [replace(s, name=f"ä {s.name}") for s in ward[:2]]))
    with ledger(out, tiny_reader, operating_point="screening") as begun:
        for each in entries:
            begun.write(each)
    whole = out.read_bytes()
    first = whole.index(b"\n") + 1
    second = whole.index(b"\n", first) + 1
    for length in [0, *range(first, len(whole) + 1, 5), len(whole) - 1, len(whole)]:
        out.write_bytes(whole[:length])
        with ledger(out, tiny_reader, operating_point="screening") as again:
            held = [again.holds(e.source, e.sha256 or "") for e in entries]
            assert held == [length >= second, length == len(whole)]
            for each, known in zip(entries, held, strict=True):
                if not known:
                    again.write(each)
            assert again.counts.total() == 2
        assert out.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [out]


def test_what_had_no_content_or_met_a_fault_is_tried_again(
    tiny_reader: Reader, tmp_path: Path
) -> None:
    out = tmp_path / "results.csv"
    failed = replace(refused(1), status=Status.FAILED, sha256="00")
    with ledger(out, tiny_reader, operating_point="screening") as begun:
        for each in (refused(0), failed, replace(refused(2, "kept"), sha256="00")):
            begun.write(each)
    with ledger(out, tiny_reader, operating_point="screening") as again:
        assert again.counts.total() == 1
    assert [row["file"] for row in csv.DictReader(out.open())] == ["kept"]


@pytest.mark.parametrize("foreign", ["hello", "a,b\n1,2\n", "\n", "\x00\x01\n", '"'])
def test_a_file_of_another_kind_is_left_as_it_is(
    tiny_reader: Reader, tmp_path: Path, foreign: str
) -> None:
    out = tmp_path / "theirs.csv"
    out.write_text(foreign)
    with (
        pytest.raises(PneumoError, match="no results file"),
        ledger(out, tiny_reader, operating_point="screening"),
    ):
        pass
    assert out.read_text() == foreign
    assert list(tmp_path.iterdir()) == [out]


def test_results_of_other_weights_or_another_point_are_not_gone_on_with(
    tiny_reader: Reader, ward: list[Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "results.csv"
    with ledger(out, tiny_reader, operating_point="screening") as begun:
        for each in read_all(tiny_reader, ward[:1]):
            begun.write(each)
    before = out.read_bytes()
    with (
        pytest.raises(PneumoError, match="operating point screening, and this is balanced"),
        ledger(out, tiny_reader, operating_point="balanced"),
    ):
        pass
    monkeypatch.setitem(tiny_reader.manifest.__dict__, "revision", "other")
    with (
        pytest.raises(PneumoError, match="weights tiny, and this is other"),
        ledger(out, tiny_reader, operating_point="screening"),
    ):
        pass
    assert out.read_bytes() == before


def test_a_results_file_that_cannot_be_written_is_a_sentence(
    tiny_reader: Reader, tmp_path: Path
) -> None:
    with (
        pytest.raises(PneumoError, match="cannot be written"),
        ledger(tmp_path / "none" / "results.csv", tiny_reader, operating_point="screening"),
    ):
        pass


def test_the_columns_follow_the_classes() -> None:
    assert [c for c in heading(("normal", "pneumonia")) if c.startswith("pattern")] == [
        "pattern_normal",
        "pattern_pneumonia",
    ]


def test_the_list_escapes_names_and_says_every_decision_in_words(tiny_reader: Reader) -> None:
    hostile = refused(0, "<img src=x onerror=alert(1)>${value}{{x}}")
    films = [hostile, entry(1, low=0.9, high=0.9), entry(2, low=0.1, high=0.1)]
    films.append(replace(entry(3, low=0.2, high=0.9), cautions=(Caution.SMALL,)))
    html = table(worklist(tiny_reader, *films))
    assert "<img" not in html
    assert "${" not in html
    assert "{{" not in html
    for word in ("Suspected", "Refer", "Not suspected", "Refused", Caution.SMALL, "Not a film."):
        assert word in html
    assert html.count("<button") == 4
    assert " 0 %" not in html
    assert "100 %" not in html


def test_rule_in_never_says_not_suspected(tiny_reader: Reader) -> None:
    listed = worklist(tiny_reader, entry(1, low=0.1, high=0.1), point="rule_in")
    for html in (table(listed), summary(listed, films=1)):
        assert "ot suspected" not in html.replace("not_suspected", "")
        assert "ot ruled in" in html


def test_the_summary_says_what_was_not_read(tiny_reader: Reader) -> None:
    one = entry(1, low=0.9, high=0.9)
    assert "No film could be read" in summary(worklist(tiny_reader, refused(0)), films=1)
    assert "7 of 8 films were not read" in summary(worklist(tiny_reader, one), films=8)
    assert "not read" not in summary(worklist(tiny_reader, one), films=1)


def test_progress_names_what_is_left_once_it_is_known() -> None:
    assert "left" not in progress(done=0, films=10, seconds=0)
    assert "about 30 s left" in progress(done=5, films=20, seconds=10)
    assert "about 3 min left" in progress(done=1, films=10, seconds=20)
