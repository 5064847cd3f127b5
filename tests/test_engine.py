"""OpenVINO and torch see the same, whoever asks; nothing is reported and nothing is written."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from conftest import EXAMPLES, ROOT, WEIGHTS
from torch import Tensor, nn

from pneumo import engine
from pneumo.engine import OPENVINO, TORCH, Engine, OpenVINOEngine, Part, TorchEngine, default_engine
from pneumo.errors import PneumoError
from pneumo.lungs import LungNetwork
from pneumo.networks import ARCHITECTURES, THREE_CLASS
from pneumo.reader import Reader, load_reader

CPU = torch.device("cpu")
NAMES = sorted(ARCHITECTURES)


def settled(network: nn.Module) -> nn.Module:
    """A network in evaluation mode whose batch norms do something."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval().requires_grad_(False)


def by_torch(parts: list[Part]) -> Engine:
    return TorchEngine(parts, device=CPU)


@pytest.mark.parametrize("name", NAMES)
def test_every_architecture_sees_the_same_by_either_engine(name: str) -> None:
    torch.manual_seed(0)
    part = Part(settled(ARCHITECTURES[name](THREE_CLASS)), (1, 1, 64, 64))
    square = torch.rand(part.shape)
    (seen,), (expected,) = OpenVINOEngine([part])([square]), by_torch([part])([square])
    assert seen.shape == expected.shape
    assert seen.dtype == torch.float32
    assert (seen - expected).abs().max() < 1e-4 * expected.abs().max()


def test_the_lungs_lie_alike_by_either_engine() -> None:
    torch.manual_seed(0)
    part = Part(settled(LungNetwork()), (1, 1, 128, 128), "forward")
    film = torch.rand(part.shape)
    (found,), (expected,) = OpenVINOEngine([part])([film]), by_torch([part])([film])
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


def test_each_member_keeps_its_own_square_and_its_own_weights() -> None:
    torch.manual_seed(0)
    parts = [Part(settled(ARCHITECTURES["cnn3"](THREE_CLASS)), (1, 1, s, s)) for s in (28, 40, 40)]
    squares = [torch.rand(part.shape) for part in parts]
    seen = OpenVINOEngine(parts)(squares)
    for part, square, features in zip(parts, squares, seen, strict=True):
        torch.testing.assert_close(features, by_torch([part])([square])[0], rtol=1e-4, atol=1e-4)


def test_a_request_is_never_shared_by_two_threads() -> None:
    torch.manual_seed(0)
    asked = OpenVINOEngine([Part(settled(ARCHITECTURES["cnn3"](THREE_CLASS)), (1, 1, 64, 64))])
    squares = list(torch.rand(40, 1, 1, 64, 64))
    alone = [asked([square])[0] for square in squares]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda square: asked([square])[0], squares))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


class Novel(nn.Module):
    """Holds a kind of layer that no network here has."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Softplus()

    def features(self, x: Tensor) -> Tensor:  # (B, 1, S, S), unchanged in shape
        y: Tensor = self.layer(x)
        return y


def test_torch_reads_what_has_no_translation(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        chosen = engine.prepare([Part(Novel(), (1, 1, 8, 8))], device=CPU, name=OPENVINO)
    assert chosen.name == TORCH
    assert "Softplus" in caplog.text
    assert torch.equal(chosen([torch.zeros(1, 1, 8, 8)])[0], nn.Softplus()(torch.zeros(1, 1, 8, 8)))


def test_openvino_runs_on_an_x86_processor_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PNEUMO_ENGINE", raising=False)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(engine, "find_spec", lambda name: object())
    assert default_engine(CPU) == OPENVINO
    assert default_engine(torch.device("cuda")) == TORCH
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    assert default_engine(CPU) == TORCH
    monkeypatch.setattr(engine, "find_spec", lambda name: object())
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert default_engine(CPU) == TORCH
    monkeypatch.setenv("PNEUMO_ENGINE", OPENVINO)
    assert default_engine(CPU) == OPENVINO
    assert default_engine(torch.device("cuda")) == TORCH
    monkeypatch.setenv("PNEUMO_ENGINE", "abacus")
    with pytest.raises(ValueError, match="abacus"):
        default_engine(CPU)


# OpenVINO's package reports each import to its maker, and writes down who it is, unless kept from
# it; so this looks at a fresh process, from its first import to its first reading.
WATCHED = """
import os, sys
noticed = []
def hear(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "os.mkdir"):
        noticed.append(event)
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT:
        noticed.append(f"wrote {arguments[0]}")
sys.dont_write_bytecode = True
sys.addaudithook(hear)
import torch
from pneumo.engine import OpenVINOEngine, Part
from pneumo.lungs import LungNetwork
part = Part(LungNetwork().eval(), (1, 1, 128, 128), "forward")
OpenVINOEngine([part])([torch.zeros(part.shape)])
assert not sys.modules["openvino_telemetry"]
print(noticed)
"""


@pytest.mark.slow
def test_openvino_tells_nobody_and_writes_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k != "CI"},  # it keeps silent there
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


rounds = pytest.mark.skipif(
    "AVX512" not in torch.backends.cpu.get_cpu_capability(),
    reason="this processor neither has bfloat16 nor imitates it",
)
Answers = list[tuple[float, str] | None]  # probability and decision of each example, or refused


def answers_of(reader: Reader) -> Answers:
    answers: Answers = []
    for path in sorted(p for p in EXAMPLES.iterdir() if p.suffix != ".md"):
        try:
            reading = reader.read(path.read_bytes())
        except PneumoError:
            answers.append(None)
        else:
            answers.append((reading.estimate.probability, str(reading.decision)))
    return answers


QUIET = """
from concurrent.futures import ThreadPoolExecutor
import torch
from pneumo.engine import OpenVINOEngine, TorchEngine
number, cpu = torch.get_num_threads, torch.device("cpu")
told = [number()]
with ThreadPoolExecutor(1) as other, OpenVINOEngine([]).quiet():
    with OpenVINOEngine([]).quiet():
        pass
    told += [number(), other.submit(number).result()]
told.append(number())
with TorchEngine([], device=cpu).quiet():
    told.append(number())
print(told)
"""


@pytest.mark.skipif(os.cpu_count() == 1, reason="one core has one thread")
def test_torch_keeps_to_one_thread_where_openvino_works() -> None:
    # In a process of its own, because the tests themselves may have been given one thread.
    env = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", QUIET], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[2, 1, 2, 2, 2]"


@pytest.fixture(scope="module")
def by_torch_alone() -> Answers:
    return answers_of(load_reader(WEIGHTS, device=CPU, engine_name=TORCH))


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.parametrize(
    ("halves", "within"), [(False, 1e-4), pytest.param(True, 1e-3, marks=rounds)]
)
def test_every_example_is_decided_alike_by_openvino(
    monkeypatch: pytest.MonkeyPatch, by_torch_alone: Answers, halves: bool, within: float
) -> None:
    # Where the processor has no bfloat16, OpenVINO imitates its rounding.
    monkeypatch.setattr(engine, "multiplies_bfloat16", lambda: halves)
    reader = load_reader(WEIGHTS, device=CPU, engine_name=OPENVINO)
    assert (reader.ensemble.name, reader.ensemble.halves) == (OPENVINO, halves)
    found = answers_of(reader)
    assert sum(answer is not None for answer in found) >= 6
    for one, other in zip(by_torch_alone, found, strict=True):
        assert (one is None) == (other is None)
        if one and other:
            assert other[0] == pytest.approx(one[0], abs=within)
            assert other[1] == one[1]
    same = [one == other for one, other in zip(by_torch_alone, found, strict=True)]
    assert not (halves and all(same))  # it did round


@rounds
def test_only_networks_that_stand_it_are_rounded() -> None:
    names = ("resnet18", "mobilenet_v2")
    parts = [Part(settled(ARCHITECTURES[n](THREE_CLASS)), (1, 1, 64, 64)) for n in names]
    squares = [torch.rand(1, 1, 64, 64) for _ in parts]
    resnet, mobilenet = OpenVINOEngine(parts, halves=True)(squares)
    expected = by_torch(parts)(squares)
    assert 1e-4 < (resnet - expected[0]).abs().max() / expected[0].abs().max() < 0.05
    assert (mobilenet - expected[1]).abs().max() < 1e-4 * expected[1].abs().max()
