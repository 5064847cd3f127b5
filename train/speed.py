"""How many films a second training sees, beside a plain loop on the same films.

    python -m train.speed --data DIR [--architecture NAME ...]

*Ours* is `train.fit`'s own step: all films in memory as one uint8 tensor, augmented as a batch,
channels last, in bfloat16 where the device has it, mixing films and keeping the weights' running
average; decoding and boxes are done before. *Plain* is how such training is usually written: a
Dataset that opens each file and hands it to torchvision's transforms, a DataLoader with a worker
for each core, float32. Architecture, batch and kind of optimiser are the same. Both take turns, so
the ratio of one run is what counts; a turn is four batches, the loader's new start within it.

About 9 minutes on 2 cores. Writes train/results/speed_cpu.json, or speed_cuda.json on a GPU, and
keeps there what the same machine has said of other architectures.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from pneumo import machine
from pneumo.networks import ARCHITECTURES
from train import record
from train.data import add_data_argument
from train.fit import Role, begin, learn, load
from train.processes import Place, joined
from train.recipe import Config
from train.squares import MEAN, STD

STEPS, TURNS = 4, 3
SIZE_PX = 128


class Opened(Dataset[tuple[Tensor, int]]):
    """Films that are opened, resized and transformed one by one."""

    def __init__(self, role: Role, data: Path, size_px: int) -> None:
        self.paths = [data / path for path in role.films.paths]
        self.label = role.films.label.tolist()
        self.transform = v2.Compose(
            [
                v2.PILToTensor(),
                v2.Resize((size_px, size_px), antialias=True),
                v2.RandomHorizontalFlip(),
                v2.RandomAffine(degrees=6, translate=(0.04, 0.04), scale=(0.9, 1.1)),
                v2.ColorJitter(brightness=0.2, contrast=0.2),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([MEAN], [STD]),
            ]
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        with Image.open(self.paths[index]) as film:
            return self.transform(film.convert("L")), self.label[index]


def ours(role: Role, config: Config, place: Place) -> Callable[[], object]:
    """One pass over the role's films as train.fit makes it."""
    learner, chance = begin(config, role, place), place.generator(config.seed)
    learner.network.train()
    return lambda: learn(learner, role, 0, config, chance, place)


def plain(role: Role, config: Config, place: Place) -> Callable[[], object]:
    """One pass over the same files by a DataLoader."""
    network = ARCHITECTURES[config.architecture](config.classes).to(place.device).train()
    optimizer = torch.optim.AdamW(network.parameters(), config.peak_rate)
    films = DataLoader(
        Opened(role, config.data, config.sizes[0]),
        batch_size=config.batch,
        shuffle=True,
        num_workers=os.cpu_count() or 1,
        multiprocessing_context="forkserver",  # torch's threads do not survive a plain fork
        persistent_workers=True,  # their start is not timed
        pin_memory=place.device.type == "cuda",
    )

    def one_pass() -> None:
        for x, label in films:
            logits = network(x.to(place.device))
            cost = F.cross_entropy(
                logits, label.to(place.device), label_smoothing=config.label_smoothing
            )
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()

    return one_pass


def per_second(pass_: Callable[[], object], films: int, place: Place) -> Iterator[float]:
    """Films a second of each further pass; the first one warms up and is not told."""
    pass_()
    while True:
        machine.settle(place.device)
        started = time.perf_counter()
        pass_()
        machine.settle(place.device)
        yield films / (time.perf_counter() - started)


def measure(architecture: str, data: Path, place: Place) -> dict[str, float]:
    """Films a second of both, and how many times as many ours sees."""
    config = Config(
        "speed", data, architecture, stages=((SIZE_PX, TURNS + 1),), device=place.device.type
    )
    whole = load(config, "fit", place)
    films = whole.films.subset(torch.arange(STEPS * config.batch))
    role = dataclasses.replace(
        whole, films=films, corners=whole.corners[: len(films)], target=whole.target[: len(films)]
    )
    turns = [per_second(make(role, config, place), len(films), place) for make in (ours, plain)]
    seen = [[next(turn) for turn in turns] for _ in range(TURNS)]
    mine, usual = (median(each) for each in zip(*seen, strict=True))
    return {"films_per_s": mine, "plain_films_per_s": usual, "ratio": mine / usual}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_argument(parser)
    parser.add_argument(
        "--architecture", nargs="+", choices=ARCHITECTURES, default=[*ARCHITECTURES]
    )
    arguments = parser.parse_args()
    rows: dict[str, Any] = {}
    with joined("auto") as place:
        for name in arguments.architecture:
            rows[name] = measure(name, arguments.data, place)
            print(name, {key: round(value, 2) for key, value in rows[name].items()}, flush=True)
        result: dict[str, Any] = {
            "schema": "pneumo.speed/1",
            "machine": machine.in_words(place.device),
            "bfloat16": place.bf16(None),
            "size_px": SIZE_PX,
            "batch": Config("speed").batch,
            "rows": rows,
        }
        path = record.RESULTS / f"speed_{place.device.type}.json"
        before = json.loads(path.read_text()) if path.exists() else {}
        if before.get("machine") == result["machine"]:
            result["rows"] = before["rows"] | rows
        record.write(path, result)


if __name__ == "__main__":
    main()
