"""Deal the training films out to four roles, by patient and by near-duplicate.

    python -m train.split --data DIR        # a minute; writes train/results/split.csv

``fit`` trains, ``select`` stops early and chooses, ``calibrate`` sets calibrations, thresholds
and limits, ``test`` is the hold-out that nothing is fitted on. The official test folder is not
read here at all.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

ROLES = {"fit": 0.65, "select": 0.10, "calibrate": 0.15, "test": 0.10}
SPLIT_CSV = Path(__file__).parent / "results" / "split.csv"
SEED = 2018  # the year of the data set
# Of the 256 bits of a difference hash. Copies differ in under 10; films of one child in over 30.
DUPLICATE_BITS = 12
CLASSES = ("normal", "bacterial", "viral")


def label_of(path: Path) -> str:
    """The class of a film from its folder and its name, as published."""
    if path.parent.name.upper() == "NORMAL":
        return "normal"
    return "viral" if "virus" in path.name.lower() else "bacterial"


def patient_of(path: Path) -> str:
    """The patient's id from a film's name.

    ``IM-0115`` and ``NORMAL2-IM-0115`` are different children, so the prefix belongs to the id.
    Normal ids are kept apart from pneumonia ids: their numbering is separate.
    """
    match = re.match(r"(person\d+|(?:NORMAL2-)?IM-\d+)", path.name)
    return match[1] if match else path.stem


def difference_hash(film: np.ndarray) -> np.ndarray:
    """256 bits, 1 where brightness rises from left to right on a 16 x 17 grid. uint8 (S, S) in."""
    size = film.shape[0]
    rows = np.linspace(0, size, 17).astype(int)
    columns = np.linspace(0, size, 18).astype(int)
    cells = np.add.reduceat(np.add.reduceat(film.astype(np.int64), rows[:-1], 0), columns[:-1], 1)
    means = cells / np.outer(np.diff(rows), np.diff(columns))  # (16, 17)
    return (np.diff(means, axis=1) > 0).ravel()  # (256,)


def near_duplicates(hashes: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of films whose hashes (N, 256) differ in at most ``DUPLICATE_BITS`` bits."""
    signs = hashes.astype(np.float32) * 2 - 1
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(signs), 1024):
        distance = (hashes.shape[1] - signs[start : start + 1024] @ signs.T) / 2
        for i, j in np.argwhere(distance <= DUPLICATE_BITS):
            if start + i < j:
                pairs.append((int(start + i), int(j)))
    return pairs


def groups(patients: list[str], duplicates: Iterable[tuple[int, int]]) -> np.ndarray:
    """Group numbers (N,): films of one patient, or nearly the same picture, share a number."""
    first: dict[str, int] = {}
    links = [(i, first.setdefault(p, i)) for i, p in enumerate(patients)] + list(duplicates)
    a, b = np.array(links).T
    graph = coo_array((np.ones(len(links)), (a, b)), shape=(len(patients), len(patients)))
    return np.asarray(connected_components(graph, directed=False)[1])


def deal(labels: list[str], group: np.ndarray) -> list[str]:
    """A role for every film: whole groups, each class in the shares of ``ROLES``."""
    members: dict[int, list[int]] = defaultdict(list)
    for i, g in enumerate(group):
        members[int(g)].append(i)
    order = np.random.default_rng(SEED).permutation(sorted(members))
    # Large groups first, while every role still has room for them.
    order = sorted(order, key=lambda g: -len(members[int(g)]))
    total = {c: labels.count(c) for c in CLASSES}
    dealt: dict[tuple[str, str], int] = defaultdict(int)
    roles = [""] * len(labels)
    for g in order:
        label = labels[members[int(g)][0]]
        role = min(ROLES, key=lambda r: dealt[r, label] / (ROLES[r] * total[label]))
        for i in members[int(g)]:
            roles[i] = role
            dealt[role, labels[i]] += 1
    return roles


def read_split() -> dict[str, list[str]]:
    """Paths per role, relative to the data folder, from the committed split."""
    roles: dict[str, list[str]] = {role: [] for role in ROLES}
    with SPLIT_CSV.open(newline="") as file:
        for row in csv.DictReader(file):
            roles[row["role"]].append(row["path"])
    return roles


def main() -> None:
    from train.data import add_data_argument, film_paths, load_films

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_data_argument(parser)
    data = parser.parse_args().data
    paths = film_paths(data)
    films = load_films(data, paths).pixels[:, 0].numpy()
    labels = [label_of(Path(p)) for p in paths]
    patients = [patient_of(Path(p)) for p in paths]
    duplicates = near_duplicates(np.stack([difference_hash(f) for f in films]))
    group = groups(patients, duplicates)
    roles = deal(labels, group)
    SPLIT_CSV.parent.mkdir(exist_ok=True)
    with SPLIT_CSV.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "label", "patient", "group", "role"])
        writer.writerows(zip(paths, labels, patients, group.tolist(), roles, strict=True))
    for role in ROLES:
        chosen = [label for label, r in zip(labels, roles, strict=True) if r == role]
        print(role, len(chosen), {c: chosen.count(c) for c in CLASSES})
    print(f"{len(duplicates)} near-duplicate pairs, {group.max() + 1} groups")


if __name__ == "__main__":
    main()
