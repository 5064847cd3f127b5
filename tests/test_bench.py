"""The bench compares like with like, in one run, and says what it could not measure."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import assert_untouched
from torch import nn

from pneumo import bench, machine, rivals, stopwatch
from pneumo.__main__ import main
from pneumo.engine import Part, TorchEngine
from pneumo.errors import PneumoError
from pneumo.reader import Reader
from train.pages import speed

CPU = torch.device("cpu")
# As the issue of this bench names them, and in its order.
KEYS = ["device", "members", "ours_ms", "baseline_a_ms", "forward_ms", "onnxruntime_ms"]
KEYS += ["openvino_ms", "limit_ms", "peak_mb"]
STAGES = ["decode", "lungs", "gate", "forward", "evidence", "overlay"]


@pytest.fixture(scope="module")
def found(tiny_reader: Reader, film_bytes: bytes) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stopwatch, "startup_s", lambda reader, film: 1.0)  # it starts a process
        patch.setattr(rivals, "installed", lambda *names: "onnx" not in names)
        return bench.measure(tiny_reader, film_bytes, rounds=2)


@pytest.mark.slow
def test_the_keys_come_in_their_order(found: dict[str, Any]) -> None:
    keys = list(found)
    assert [key for key in keys if key in KEYS] == KEYS
    assert (found["device"], found["members"]) == ("cpu", 2)
    assert list(found["stages"]) == STAGES
    assert keys.index("stages") > keys.index("peak_mb")
    assert [batch["films"] for batch in found["batches"]] == [1, 4, 16]
    json.dumps(found, allow_nan=False)


def test_what_is_not_installed_is_null_and_named(found: dict[str, Any]) -> None:
    assert found["onnxruntime_ms"] is None
    assert "onnxruntime" in found["notes"]["onnxruntime"]
    assert found["openvino_ms"] > 0


def test_the_ratios_are_of_the_same_run(found: dict[str, Any]) -> None:
    ratios = found["ratios"]
    assert ratios["baseline_a_to_ours"] == found["baseline_a_ms"] / found["ours_ms"]
    assert ratios["ours_to_best_bare_forward"] == found["ours_ms"] / found["openvino_ms"]
    assert ratios["ours_to_limit"] == found["ours_ms"] / found["limit_ms"]


def test_the_page_quotes_what_was_measured(found: dict[str, Any]) -> None:
    page = speed.section(found)
    for key in ("ours_ms", "baseline_a_ms", "forward_ms", "openvino_ms", "limit_ms"):
        assert f"| {found[key]:.1f} |" in page
    assert found["machine"] in page
    assert found["notes"]["onnxruntime"] in page


def test_no_number_is_told_to_more_digits_than_a_clock_has(found: dict[str, Any]) -> None:
    rounded = bench.rounded(found)
    assert rounded["ours_ms"] == pytest.approx(found["ours_ms"], rel=1e-3)
    assert len(str(rounded["ours_ms"]).replace(".", "").strip("0")) <= 4
    assert rounded["members"] == 2


def test_the_baseline_reads_the_same_film_to_the_same_end(
    tiny_reader: Reader, film_bytes: bytes
) -> None:
    reading = tiny_reader.read(film_bytes)
    estimate, picture = rivals.BaselineA(tiny_reader).read(film_bytes)
    assert estimate.probability == pytest.approx(reading.estimate.probability, abs=1e-4)
    assert (picture.shape, picture.dtype) == ((224, 224, 4), np.uint8)
    shown, opacity = reading.evidence > 0, picture[..., 3]
    assert opacity[shown].mean() > opacity[~shown].mean()
    for member in tiny_reader.members:
        assert_untouched(member)


@pytest.mark.slow
def test_the_exported_members_see_the_same(tiny_reader: Reader, film_bytes: bytes) -> None:
    pytest.importorskip("onnxruntime")
    parts, squares = tiny_reader.ensemble.parts(), stopwatch.squares_of(tiny_reader, film_bytes)
    expected = TorchEngine(parts, device=CPU)(squares)
    exported: Any = rivals.in_onnxruntime(parts)(squares)
    alone: Any = rivals.in_openvino(parts)(squares)
    for here, there, torchs in zip(exported, alone, expected, strict=True):
        np.testing.assert_allclose(here[0], torchs.numpy(), atol=1e-4)
        np.testing.assert_allclose(there.numpy(), torchs.numpy(), atol=1e-4)


def test_calls_take_turns_so_that_a_slow_minute_is_everybodys() -> None:
    made: list[str] = []
    calls = {name: lambda name=name: made.append(name) for name in ("a", "b")}
    medians = stopwatch.medians(calls, rounds=2)
    assert made == ["a", "a", "b", "b"] * 2  # each warmed up, then timed
    assert all(ms is not None and ms >= 0 for ms in medians.values())


class Known(nn.Module):
    """8 x 8 places, 2 kernels of 3 x 3: 64 * 2 * 9 multiply-adds, 18 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(1, 2, kernel_size=3, padding=1, bias=False)


def test_the_limit_counts_multiply_adds_and_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [Part(Known(), (1, 1, 8, 8))] * 2
    assert machine.multiply_adds(parts, CPU) == 2 * 64 * 2 * 9
    monkeypatch.setattr(machine, "a_multiply_add_s", lambda kind, device: 1e-3)
    monkeypatch.setattr(machine, "quickest", lambda call, device: 1e-6 * machine.COPIED_BYTES)
    limit = machine.limit(parts, CPU, halved=True)  # a network that does not stand it is not
    assert limit.computing_s == pytest.approx(2 * 64 * 2 * 9 * 1e-3)
    assert limit.fetching_s == pytest.approx(2 * 18 * 4 * 1e-6)
    assert limit.ms == pytest.approx(1e3 * limit.computing_s)
    assert machine.Limit(computing_s=0.1, fetching_s=0.2).ms == pytest.approx(200)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_machine_is_named_in_words() -> None:
    told = machine.in_words(CPU)
    assert "cores" in told
    assert any(f"{word} AMX" in told for word in ("with", "no"))


def test_a_device_that_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PNEUMO_WEIGHTS", str(tiny_weights))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(PneumoError, match="no CUDA device"):
        bench.device_of("cuda")
    assert main(["bench", "--device", "cuda"]) == 2
    assert "no CUDA device" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_prints_and_writes_what_it_measured(
    monkeypatch: pytest.MonkeyPatch,
    tiny_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PNEUMO_WEIGHTS", str(tiny_weights))
    monkeypatch.setattr(bench, "ROUNDS", 1)
    # A new process does not know the tiny network.
    monkeypatch.setattr(stopwatch, "startup_s", lambda reader, film: 1.0)
    monkeypatch.setattr(rivals, "installed", lambda *names: False)
    out = tmp_path / "bench.json"
    assert main(["bench", "--device", "cpu", "--json", str(out)]) == 0
    written, told = json.loads(out.read_text()), capsys.readouterr().out
    assert [key for key in written if key in KEYS] == KEYS
    assert f"{written['ours_ms']:.2f} ms" in told
    assert "is not installed" in told
