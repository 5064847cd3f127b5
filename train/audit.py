"""Which shortcuts the films offer, and which of them the shipped members take.

    python -m train.audit --data DIR [--limit N]

On role ``test``, for each nuisance (aspect ratio, crop extent, borders, burned-in letters, device,
JPEG quality): the AUROC of the nuisance alone for pneumonia (below 0.5, a smaller value speaks for
pneumonia), and what the ensemble and each geometry say when the nuisance is altered. Untouched
lungs are those whose every pixel, and every pixel within 4 of 224 of them, keeps its grey level
and its neighbours (train.alterations); only ``jpeg_30`` touches them. An altered film goes the
whole way of reading: the canonical picture is made anew, and so are the lung mask, the box and the
gate's verdict. Differences are taken film by film between the altered and the unaltered film.

About 15 minutes on 2 free cores for 522 films and six members; writes
train/results/audit.json, the same on every run. Expect an aspect ratio that alone reaches 0.81 and
a lung box share 0.78; members of the lung box that hardly heed either; members of the centre crop
that call a film sicker when its margins are cut or painted black.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from train import metrics, record
from train.alterations import ALTERATIONS
from train.data import add_data_argument, require_layout
from train.ensemble import Suitable, suitable
from train.intervention import Panel, as_found, intervene
from train.metrics import Bootstrap
from train.nuisances import NUISANCES, Specimen
from train.shipped import add_trial_arguments, open_reader, spread
from train.split import CLASSES, read_split


def measure_alone(data: Path, base: Suitable) -> dict[str, dict[str, object]]:
    """The AUROC of every nuisance alone, and its median per class of film."""
    specimens = [
        Specimen((data / path).read_bytes(), lungs.mask)
        for path, lungs in zip(base.films.paths, base.lungs, strict=True)
    ]
    sick, bootstrap = base.films.label.numpy() > 0, Bootstrap(base.films.patients)
    alone: dict[str, dict[str, object]] = {nuisance: {} for nuisance in NUISANCES}
    for nuisance, kinds in NUISANCES.items():
        for name, measure in kinds.items():
            values = np.array([measure(s) for s in specimens])
            alone[nuisance][name] = {
                "auroc": bootstrap.measure(metrics.auroc(sick, values)),
                "median_normal": float(np.median(values[~sick])),
                "median_pneumonia": float(np.median(values[sick])),
            }
    return alone


def audit(panel: Panel, data: Path, paths: Sequence[str]) -> dict[str, object]:
    """The whole audit of one panel on some films."""
    base = suitable(panel.lung_network, as_found(data, paths))
    said = panel.say(base)
    sick, bootstrap = base.films.label.numpy() > 0, Bootstrap(base.films.patients)
    alone = measure_alone(data, base)
    effects: dict[str, dict[str, object]] = {nuisance: {} for nuisance in NUISANCES}
    for name, alteration in ALTERATIONS.items():
        print(f"  {name}: {alteration.words}", flush=True)
        effects[alteration.nuisance][name] = intervene(panel, data, base, said, alteration)
    return {
        "films": {name: int((base.films.label == i).sum()) for i, name in enumerate(CLASSES)},
        "patients": len(set(base.films.patients)),
        "refused_unaltered": len(base.refused),
        "thresholds": panel.thresholds,
        "auroc_unaltered": {
            model: bootstrap.measure(metrics.auroc(sick, p)) for model, p in said.items()
        },
        "nuisances": {
            nuisance: {"alone": alone[nuisance], "altered": effects[nuisance]}
            for nuisance in NUISANCES
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_argument(parser)
    add_trial_arguments(parser)
    parser.add_argument("--out", type=Path, default=record.RESULTS / "audit.json")
    arguments = parser.parse_args()
    require_layout(arguments.data, "train")
    paths = sorted(read_split()["test"])
    paths = [paths[i] for i in spread(len(paths), arguments.limit)]
    # In float32 on the CPU, whatever the machine, so that every run gives the same numbers.
    reader = open_reader(arguments.weights, device=torch.device("cpu"))
    started = time.perf_counter()
    result = audit(Panel.of_reader(reader), arguments.data, paths)
    record.write(
        arguments.out, {"schema": "pneumo.audit/1", "weights": reader.manifest.revision, **result}
    )
    print(f"wrote {arguments.out} after {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
