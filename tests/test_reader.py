"""The whole path: one answer per film, whoever else is reading, and nothing left behind."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import assert_untouched
from PIL import Image

from pneumo.decision import Decision
from pneumo.errors import PneumoError
from pneumo.geometry import CANONICAL_PX, canonical, centre_crop, lung_box, to_square
from pneumo.radiograph import decode
from pneumo.reader import Reader, Reading, default_device, load_reader

THREADS = 4


@pytest.fixture(scope="session")
def variants(film_bytes: bytes) -> list[bytes]:
    """Four films that differ in exposure, as PNG, all of which can be read."""
    pixels = decode(film_bytes).pixels
    files = []
    for gamma in (0.8, 0.95, 1.1, 1.25):
        file = io.BytesIO()
        Image.fromarray((255 * pixels**gamma).round().astype(np.uint8)).save(file, "PNG")
        files.append(file.getvalue())
    return files


def same(a: Reading, b: Reading) -> bool:
    return a.estimate == b.estimate and np.array_equal(a.evidence, b.evidence)


def test_a_film_reads_the_same_alone_and_among_four_threads(
    tiny_reader: Reader, variants: list[bytes]
) -> None:
    alone = [tiny_reader.read(v) for v in variants]
    assert len({r.estimate.probability for r in alone}) == len(variants)  # mix-ups would show
    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(tiny_reader.read, variants * 5))
    for i, reading in enumerate(together):
        assert same(reading, alone[i % len(variants)])


def test_the_estimate_is_the_mean_of_the_calibrated_members(
    tiny_reader: Reader, film_bytes: bytes
) -> None:
    reading = tiny_reader.read(film_bytes)
    film = canonical(reading.film.pixels)
    boxes = [cut(reading.film.aspect, reading.lungs.mask) for cut in (centre_crop, lung_box)]
    sick = []
    for network, box, (warmth, bias) in zip(
        tiny_reader.members, boxes, ((1.0, 0.0), (2.0, 0.5)), strict=True
    ):
        with torch.no_grad():
            logits = network((to_square(film, box, size_px=96) - 0.5) / 0.25)[0]
        odds = torch.logsumexp(logits[1:], dim=0) - logits[0]
        sick.append(float(torch.sigmoid(odds / warmth + bias)))
    assert reading.estimate.members == pytest.approx(sick, abs=1e-5)
    assert reading.estimate.probability == pytest.approx(sum(sick) / 2, abs=1e-5)
    assert reading.estimate.low == pytest.approx(min(sick), abs=1e-5)
    assert reading.estimate.high == pytest.approx(max(sick), abs=1e-5)


def test_evidence_lies_on_the_film_within_what_a_member_saw(
    tiny_reader: Reader, film_bytes: bytes
) -> None:
    reading = tiny_reader.read(film_bytes)
    assert reading.evidence.shape == (CANONICAL_PX, CANONICAL_PX)
    assert reading.evidence.min() >= 0
    seen = np.zeros_like(reading.evidence, dtype=bool)
    for cut in (centre_crop, lung_box):
        box = cut(reading.film.aspect, reading.lungs.mask)
        rows = slice(round(box.top * CANONICAL_PX), round(box.bottom * CANONICAL_PX))
        columns = slice(round(box.left * CANONICAL_PX), round(box.right * CANONICAL_PX))
        seen[rows, columns] = True
    assert (reading.evidence[~seen] == 0).all()
    assert (reading.evidence[seen] > 0).any()


def test_an_operating_point_moves_the_decision_and_never_the_estimate(
    tiny_reader: Reader, film_bytes: bytes
) -> None:
    readings = {
        p.name: tiny_reader.read(film_bytes, operating_point=p.name)
        for p in tiny_reader.manifest.operating_points
    }
    assert len({r.estimate for r in readings.values()}) == 1
    for name, reading in readings.items():
        again = tiny_reader.at(readings["screening"], name)
        assert (again.decision, again.operating_point) == (
            reading.decision,
            reading.operating_point,
        )
    assert readings["screening"].decision is Decision.SUSPECTED
    assert readings["rule_in"].decision is Decision.NOT_SUSPECTED


def test_confidence_is_the_frequency_among_films_read_alike(
    tiny_reader: Reader, film_bytes: bytes
) -> None:
    suspected = tiny_reader.read(film_bytes, operating_point="screening")
    not_suspected = tiny_reader.at(suspected, "rule_in")
    seen = tiny_reader.manifest.reliability.at(suspected.estimate.probability)
    assert suspected.compared_films == seen.films
    assert suspected.confidence == pytest.approx((seen.pneumonia + 0.5) / (seen.films + 1))
    assert not_suspected.confidence == pytest.approx(1 - (seen.pneumonia + 0.5) / (seen.films + 1))


def test_an_unknown_operating_point_is_an_error(tiny_reader: Reader, film_bytes: bytes) -> None:
    with pytest.raises(KeyError):
        tiny_reader.read(film_bytes, operating_point="certain")


def test_progress_only_grows(tiny_reader: Reader, film_bytes: bytes) -> None:
    told: list[tuple[float, str]] = []
    tiny_reader.read(film_bytes, progress=lambda share, doing: told.append((share, doing)))
    shares = [share for share, _ in told]
    assert len(told) >= 3
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1
    assert all(doing for _, doing in told)


class Writes:
    """Paths opened for writing anywhere in this process, by Python's own audit events."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.watching = False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.watching and event == "open":
            path, mode, flags = arguments
            writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
            if (isinstance(mode, str) and set(mode) & set("wax+")) or (
                isinstance(flags, int) and flags & writing
            ):
                self.paths.append(str(path))


@pytest.fixture(scope="module")
def audit() -> Writes:
    return Writes()  # an audit hook cannot be removed, so there is one for the module


@pytest.fixture
def writes(audit: Writes) -> Iterator[Writes]:
    audit.paths.clear()
    audit.watching = True
    yield audit
    audit.watching = False


def test_the_watch_on_writing_sees_a_file(writes: Writes, tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(b"")
    assert writes.paths == [str(tmp_path / "film.png")]


def test_a_reading_leaves_no_file_no_gradient_and_no_hook(
    tiny_reader: Reader, film_bytes: bytes, writes: Writes
) -> None:
    tiny_reader.read(film_bytes)
    assert writes.paths == []
    for member in tiny_reader.members:
        assert_untouched(member)


def test_a_refusal_leaves_no_trace_either(tiny_reader: Reader, writes: Writes) -> None:
    with pytest.raises(PneumoError):
        tiny_reader.read(b"not a film")
    assert writes.paths == []
    for member in tiny_reader.members:
        assert_untouched(member)


def test_the_device_is_named_by_the_environment_before_it_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PNEUMO_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert default_device() == torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert default_device() == torch.device("cpu")
    monkeypatch.setenv("PNEUMO_DEVICE", "cuda:1")
    assert default_device() == torch.device("cuda", 1)


def test_the_weights_folder_is_named_by_the_environment(
    tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMO_WEIGHTS", str(tiny_weights))
    assert load_reader().manifest.revision == "tiny"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_the_same_probability_as_the_cpu(tiny_weights: Path, film_bytes: bytes) -> None:
    on_cpu, on_gpu = (
        load_reader(tiny_weights, device=torch.device(name)).read(film_bytes)
        for name in ("cpu", "cuda")
    )
    assert on_gpu.estimate.probability == pytest.approx(on_cpu.estimate.probability, abs=1e-2)
    assert on_gpu.evidence == pytest.approx(on_cpu.evidence, abs=0.05 * on_cpu.evidence.max())
