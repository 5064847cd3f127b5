"""Every language says what English says: all of it, with the same numbers, and nothing else."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from pathlib import Path
from string import Formatter
from threading import Barrier

import pytest
from by_hand import a_reading, text_of

from pneumo import board, language, lightbox, pretest, readout, report, sentences, view, zones
from pneumo.caption import caption
from pneumo.comparison import Comparison
from pneumo.decision import Decision
from pneumo.dicom_header import OTHER_MODALITIES, OTHER_VIEWS
from pneumo.errors import UnreadableImage
from pneumo.gate import Caution
from pneumo.language import NAMES, catalogue, chosen, say, spoken, template, use
from pneumo.overlay import EIGEN_CAM, EvidenceMap
from pneumo.paper.page import as_pdf
from pneumo.radiograph import FOREIGN_STARTS, decode
from pneumo.reader import Reader, Reading
from pneumo.ward import worklist_table
from pneumo.ward.archive import Source
from pneumo.ward.spreadsheet import as_csv
from pneumo.ward.worklist import Worklist, as_json, read_all

ROOT = Path(__file__).parents[1]
OTHERS = [code for code in NAMES if code != language.ENGLISH]
SPEAKING = [ROOT / "app.py", *(ROOT / "tabs").glob("*.py"), *(ROOT / "pneumo").rglob("*.py")]
# Where the core finishes its sentences in English: refusals, cautions and remarks on the decoding.
CORE = [
    *(ROOT / "pneumo").glob("dicom*.py"),
    *(ROOT / "pneumo" / f"{name}.py" for name in ("gate", "picture", "radiograph")),
    *(ROOT / "pneumo" / "ward" / f"{name}.py" for name in ("archive", "worklist")),
    ROOT / "tabs" / "tray.py",
]
NAMED = {  # what stands in the source under a name and is translated where it is shown
    *sentences.POINT_NAMES.values(),
    *sentences.HEADLINES.values(),
    *sentences.VERDICTS.values(),
    *sentences.PATTERN_NAMES.values(),
    *sentences.PICTURE_MODES.values(),
    *(sentences.PATTERN_CAVEAT, sentences.DISCLAIMER, sentences.MOSTLY_WITHOUT),
    *(readout.UNMOVED, lightbox.KEYS, view.POINT_INFO),
    *(zones.HUNG, *zones.SIDES, *zones.LEVELS),
    *(word for _, word in pretest.STRENGTHS),
    *(worklist_table.REFUSED, worklist_table.FAILED),
    *(worklist_table.DELETED, worklist_table.CAVEAT),
    *(FOREIGN_STARTS | OTHER_MODALITIES | OTHER_VIEWS).values(),
    *("This is {0}", "another kind of examination", "of that name"),
    *("Decoding the film", "Finding the lungs", "Asking {0} networks", "Mapping the evidence"),
}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def called(path: Path, name: str) -> Iterator[str]:
    """The literal first arguments of a function's calls."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name and node.args:
            if isinstance(node.args[0], ast.Constant):
                yield node.args[0].value
            else:
                assert name != "say", f"{path.name}:{node.lineno} hides a sentence from this test"


def finished(path: Path) -> Iterator[str]:
    """Whole sentences of a file, their values as {0}, {1}; no docstring."""
    module = tree(path)
    inside = {
        id(part)
        for node in ast.walk(module)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    docstrings = {id(n.value) for n in ast.walk(module) if isinstance(n, ast.Expr)}
    for node in ast.walk(module):
        if id(node) in inside | docstrings:
            continue
        text = ""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        elif isinstance(node, ast.JoinedStr):
            values = iter(range(10))
            text = "".join(
                part.value if isinstance(part, ast.Constant) else f"{{{next(values)}}}"
                for part in node.values
            )
        if re.fullmatch(r"(?s)[A-Z{].* .*\.", text):
            yield text


@cache
def keys() -> frozenset[str]:
    """All that a catalogue must hold."""
    said = {key for path in SPEAKING for key in (*called(path, "say"), *called(path, "label"))}
    sheets = (sheet.read_text() for sheet in (ROOT / "assets").glob("*.css"))
    said |= set(re.findall(r'var\(--[a-z-]+, "([^"]+)"\)', "".join(sheets)))
    return frozenset(said | NAMED | {text for path in CORE for text in finished(path)})


@cache
def examples() -> frozenset[str]:
    """What is not in the source: the words of the weights and of the example films."""
    manifest = json.loads((ROOT / "weights" / "manifest.json").read_text())
    criteria = {point["criterion"].rstrip(".") for point in manifest["operating_points"]}
    titles = {row["title"] for row in manifest["rows"]}
    films = {p.stem.replace("-", " ") for p in (ROOT / "examples").iterdir() if p.suffix != ".md"}
    return frozenset(criteria | titles | films)


def fields(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def tags(text: str) -> list[str]:
    return sorted(re.findall(r"<[^>]*>", text))


@pytest.mark.parametrize("code", OTHERS)
def test_no_sentence_is_missing(code: str) -> None:
    assert sorted(keys() - set(catalogue(code))) == []


@pytest.mark.weights
@pytest.mark.parametrize("code", OTHERS)
def test_no_sentence_is_superfluous(code: str) -> None:
    unknown = set(catalogue(code)) - keys()
    unused = {k for k in unknown if not any(template(k).fullmatch(e) for e in examples())}
    assert sorted(unused) == []


@pytest.mark.weights
@pytest.mark.parametrize("code", OTHERS)
def test_the_words_of_the_weights_and_of_the_examples_are_known(code: str) -> None:
    known = [template(key) for key in catalogue(code)]
    assert [e for e in sorted(examples()) if not any(k.fullmatch(e) for k in known)] == []


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_holds_the_values_of_its_sentence(code: str) -> None:
    for english, translation in catalogue(code).items():
        assert fields(translation) == fields(english), english
        assert tags(translation) == tags(english), english
        assert translation.strip(), english


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_names_no_number_that_english_does_not(code: str) -> None:
    for english, translation in catalogue(code).items():
        assert sorted(re.findall(r"\d+", translation)) == sorted(re.findall(r"\d+", english))


@pytest.fixture
def reading() -> Reading:
    """With a criterion of the shipped weights, every caution and a decision more often wrong."""
    point = replace(a_reading().operating_point, criterion=CRITERION)
    source = replace(a_reading().film.source, window=(40.0, 400.0), spacing_mm=(0.2, 0.2))
    film = replace(a_reading().film, source=source)
    return replace(a_reading(), film=film, operating_point=point, cautions=tuple(Caution))


def page(reading: Reading, worklist: Worklist, opinions: Comparison) -> str:
    """Everything that the page can say of a reading, as a person reads or hears it."""
    doubtful = replace(reading, decision=Decision.REFER)
    maps = [
        EvidenceMap(reading.evidence * share, 4.0, method, target)
        for share, method, target in [
            *((1, "grad_cam", "pneumonia"), (0.1, "grad_cam", "viral"), (0, "grad_cam", "normal")),
            *((1, EIGEN_CAM, "bacterial"), (1, "layer_cam", "bacterial")),
        ]
    ]
    judged = list(opinions.ask(reading))
    html = [
        *(view.header("tiny"), view.welcome(), view.fault(), view.expired(), view.too_large(10**7)),
        *(readout.card(reading), readout.card(reading, stated=0.05), readout.card(doubtful)),
        *(lightbox.figure(reading), *(caption(reading, shown) for shown in maps)),
        *(board.empty(), *(board.board(reading, judged[:n], waiting="ab"[n:]) for n in range(3))),
        *(worklist_table.welcome(most=9, archive_bytes=10**9), worklist_table.expired()),
        *(worklist_table.progress(done=n, films=9, seconds=n**5) for n in (0, 1, 5)),
        *(worklist_table.table(worklist), worklist_table.summary(worklist, films=9)),
        *(view.refusal(UnreadableImage(refusal)) for refusal in REFUSALS),
    ]
    heard = re.findall(r'(?:aria-label|alt|title|placeholder)="([^"]*)"', "".join(html))
    return " ".join([text_of("".join(html)), *heard])


CRITERION = "The threshold with the best F1 on the calibration films."
REFUSALS = (
    "This picture is only 90 x 80 pixels; upload the film at its original size.",
    "This is a PDF document; export the film as DICOM, PNG, JPEG or TIFF and upload that.",
    "This DICOM file says that it is an MR image; upload a plain frontal chest film.",
)


@pytest.fixture(scope="module")
def worklist(tiny_reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> Worklist:
    """One film that was read and one that was refused."""
    folder = tmp_path_factory.mktemp("ward")
    (folder / "empty.png").write_bytes(b"")
    paths = [*sorted((ROOT / "examples").glob("normal-1*")), folder / "empty.png"]
    entries = read_all(tiny_reader, [Source(path.name, path) for path in paths])
    return Worklist.of(tiny_reader, entries, operating_point="screening")


def in_english(text: str, code: str) -> Iterator[str]:
    """Pieces of the catalogue's English sentences, two words or more, that stand in a text."""
    for english, translation in catalogue(code).items():
        for piece in re.split(r"\{\w+\}|<[^>]*>", english.rpartition("|")[2]):
            words = piece.strip(" .,;:()")
            if re.search(r"[a-z]{3}.* .*[a-z]{3}", words) and words not in translation:
                yield from re.findall(rf"\b{re.escape(words)}\b", text)


@pytest.mark.parametrize("code", OTHERS)
def test_no_english_is_left_on_a_page_in_another_language(
    reading: Reading, worklist: Worklist, tiny_reader: Reader, code: str
) -> None:
    comparison = Comparison(tiny_reader)
    assert len(list(in_english(page(reading, worklist, comparison), code))) > 100
    with use(code):
        said = page(reading, worklist, comparison)
    assert list(in_english(said, code)) == []


@pytest.mark.slow
def test_what_programs_read_and_what_is_printed_is_the_same_in_every_language(
    reading: Reading, worklist: Worklist
) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def written() -> tuple[object, ...]:
        refusal = report.refusal_as_json(UnreadableImage(REFUSALS[0]), file="a", sha256=None)
        record = report.as_json(reading, file="a")
        return record, refusal, as_json(worklist), as_csv(worklist), as_pdf(reading, at=at)

    english = written()
    for code in OTHERS:
        with use(code):
            assert written() == english


def test_two_visitors_at_once_are_each_spoken_to_in_their_own_language(reading: Reading) -> None:
    together = Barrier(len(NAMES))

    def cards(code: str) -> list[str]:
        with use(code):
            said = []
            for _ in range(5):
                together.wait(timeout=30)
                said.append(readout.card(reading))
            return said

    with ThreadPoolExecutor(len(NAMES)) as threads:
        all_said = list(threads.map(cards, NAMES))
    assert [len(set(said)) for said in all_said] == [1] * len(NAMES)
    assert len(set(chain.from_iterable(all_said))) == len(NAMES)
    assert language.current() == language.ENGLISH


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("de-DE,de;q=0.9,fr;q=0.5,en;q=0.4", "fr"),
        ("en-GB,en;q=0.9,es;q=0.8", "en"),
        ("en;q=0.2, pt-PT;q=0.7", "pt"),
        ("zh-Hans-CN", "zh"),
        ("fr;q=0, es;q=0.1", "es"),
        ("de", "en"),
        ("*", "en"),
        ("es;q=high;,;;", "es"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_a_browser_is_answered_in_the_first_of_its_languages_that_is_spoken(
    accepted: str | None, expected: str
) -> None:
    assert chosen(wished=None, accepted=accepted) == expected
    assert chosen(wished="klingon", accepted=accepted) == expected
    assert chosen(wished="zh", accepted=accepted) == "zh"


def test_a_refusal_is_translated_with_what_it_names() -> None:
    with pytest.raises(UnreadableImage) as refused:
        decode(b"%PDF-1.7 of a patient")
    with use("es"):
        assert spoken(str(refused.value)) == (
            "Esto es un documento PDF; exporte la radiografía como DICOM, PNG, JPEG o TIFF y "
            "súbala."
        )
        assert spoken("A sentence of other weights.") == "A sentence of other weights."
        assert say("map|Evidence") != say("Evidence")
    assert say("map|Evidence") == say("Evidence") == "Evidence"


def test_a_decision_is_never_told_more_strongly_than_in_english() -> None:
    """Silence at the rule-in point must reassure in no language."""
    for code in NAMES:
        with use(code):
            unmoved = sentences.headline_of(Decision.NOT_SUSPECTED, "screening")
            silent = sentences.headline_of(Decision.NOT_SUSPECTED, "rule_in")
            assert silent != unmoved
            assert sentences.verdict_of(Decision.NOT_SUSPECTED, "rule_in") not in unmoved.lower()
