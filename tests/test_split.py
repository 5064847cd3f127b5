"""No child and no picture stands in two roles."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from train.data import film_paths, load_films
from train.split import (
    CLASSES,
    DUPLICATE_BITS,
    ROLES,
    SPLIT_CSV,
    deal,
    difference_hash,
    groups,
    label_of,
    near_duplicates,
    patient_of,
    read_split,
)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with SPLIT_CSV.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("key", ["patient", "group", "path"])
def test_roles_share_no_patient_no_group_and_no_film(rows, key):
    roles = defaultdict(set)
    for row in rows:
        # Patient 3 of the normal films is another child than pneumonia's person3.
        roles[row["label"] == "normal" if key == "patient" else None, row[key]].add(row["role"])
    assert all(len(seen) == 1 for seen in roles.values())
    assert Counter(row["path"] for row in rows).most_common(1)[0][1] == 1


def test_the_committed_columns_follow_from_the_file_names(rows):
    for row in rows:
        path = Path(row["path"])
        assert (row["label"], row["patient"]) == (label_of(path), patient_of(path))


def test_every_role_has_every_class_in_its_share(rows):
    total = Counter(row["label"] for row in rows)
    dealt = Counter((row["role"], row["label"]) for row in rows)
    assert sum(total.values()) == 5216
    for role, share in ROLES.items():
        for name in CLASSES:
            assert dealt[role, name] / total[name] == pytest.approx(share, abs=0.005)


def test_the_official_test_folder_is_in_no_role(rows):
    assert {Path(row["path"]).parts[0] for row in rows} == {"train"}
    assert sorted(read_split()) == sorted(ROLES)


@pytest.mark.parametrize(
    ("file", "label", "patient"),
    [
        ("NORMAL/IM-0115-0001.jpeg", "normal", "IM-0115"),
        ("NORMAL/NORMAL2-IM-0115-0001.jpeg", "normal", "NORMAL2-IM-0115"),
        ("PNEUMONIA/person12_bacteria_46.jpeg", "bacterial", "person12"),
        ("PNEUMONIA/person1_virus_6.jpeg", "viral", "person1"),
    ],
)
def test_a_film_name_tells_class_and_patient(file, label, patient):
    assert label_of(Path("train") / file) == label
    assert patient_of(Path("train") / file) == patient


def smooth_film(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (14, 14))
    return np.kron(coarse, np.ones((16, 16))).astype(np.uint8)  # (224, 224)


def test_a_darker_noisy_copy_is_a_near_duplicate_and_another_film_is_not():
    film = smooth_film(0)
    noise = np.random.default_rng(9).normal(0, 3, film.shape)
    copy = np.clip(film * 0.7 + 5 + noise, 0, 255).astype(np.uint8)
    hashes = np.stack([difference_hash(f) for f in (film, copy, smooth_film(1))])
    assert near_duplicates(hashes) == [(0, 1)]


def test_a_chain_of_patients_and_copies_is_one_group_and_gets_one_role():
    patients = ["a", "a", "b", "b", "c"]
    group = groups(patients, [(1, 2)])  # a film of a is a copy of one of b
    assert group[0] == group[1] == group[2] == group[3] != group[4]
    roles = deal(["normal"] * 5, group)
    assert len(set(roles[:4])) == 1


@pytest.mark.slow
def test_no_near_duplicate_stands_in_two_roles(data_folder):
    paths = film_paths(data_folder)
    pixels = load_films(data_folder, paths).pixels[:, 0].numpy()
    hashes = np.stack([difference_hash(f) for f in pixels])
    role = {path: name for name, chosen in read_split().items() for path in chosen}
    signs = hashes.astype(np.float32) * 2 - 1
    distance = (hashes.shape[1] - signs @ signs.T) / 2  # (N, N) differing bits
    names = np.array([role[path] for path in paths])
    apart = names[:, None] != names[None]
    assert distance[apart].min() > DUPLICATE_BITS
