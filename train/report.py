"""Write everything that shows results from train/results/*.json; no number is typed by hand.

    python -m train.report            # figures, README's results block, the model card
    python -m train.report --check    # change nothing; exit code 1 where a file would change

Draws train/results/figures/*.svg, reads three sample films for gallery.png and gallery.json there,
fills README between its markers, and renews weights/MODEL_CARD.md once train.publish has described
these weights. Wants lungs.json and, where they are there, holdout.json with calibration.json; of
audit.json, external.json and uncertainty.json it shows those that belong to the same weights, and
of bench_cpu.json and bench_gpu.json those that are there. About 15 seconds; run twice, it changes
nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from pneumo.bundle import MANIFEST, Manifest, load_manifest
from pneumo.engine import TORCH
from train import card, record
from train.holdout import SCHEMA
from train.pages import drawing, gallery, refusals, speed
from train.pages.figures import drawings
from train.pages.sections import chosen, foreign, held_out
from train.pages.training import page
from train.publish import Places
from train.shipped import open_reader

README = Path(__file__).parents[1] / "README.md"
TRAINING = Path(__file__).parent / "README.md"
RESULTS = Path(__file__).parent / "results"
Content = Callable[[Path], str]  # results folder -> Markdown
PAGE = ("holdout", "audit", "experiments")
BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"


def load(name: str, *, results: Path = RESULTS, weights: str | None = None) -> Any:
    """One results file; None where it has not been made, or is of other weights than those."""
    path = results / f"{name}.json"
    if not path.exists():
        return None
    value = json.loads(path.read_text())
    if weights is not None and value["weights"] != weights:
        print(f"{path.name} is of weights {value['weights']}, not {weights}: left out")
        return None
    return value


def load_measured(results: Path) -> tuple[Any, Any, dict[str, Any]] | None:
    """Hold-out, calibration, and what the figures want besides; None without a hold-out.

    Ends the program where the hold-out is of an earlier schema.
    """
    holdout, calibration = (load(n, results=results) for n in ("holdout", "calibration"))
    if holdout is None or calibration is None:
        return None
    if holdout["schema"] != SCHEMA:
        raise SystemExit(f"holdout.json is not {SCHEMA}; run python -m train.evaluate --role.")
    besides = {
        name: load(name, results=results, weights=holdout["weights"])
        for name in ("uncertainty", "audit")
    }
    return holdout, calibration, besides


def require_current(results: Path, manifest: Manifest) -> None:
    """End the program where the hold-out was measured with other networks than the shipped."""
    holdout = load("holdout", results=results)
    if holdout is None:
        return
    bound = {"weights": manifest.revision, "rows": record.rows_sha256(manifest)}
    if other := [name for name, value in bound.items() if holdout.get(name) != value]:
        raise SystemExit(f"holdout.json is of other {other[0]}; run python -m train.evaluate.")


def block(results: Path = RESULTS) -> str:
    """The results as Markdown."""
    parts = []
    if measured := load_measured(results):
        holdout, calibration, besides = measured
        weights = holdout["weights"]
        shown = load("gallery", results=results, weights=weights)
        parts.append(held_out(holdout, calibration, shown=shown, **besides))
        if candidates := load("candidates", results=results):
            parts.append(chosen(candidates, calibration["members"]))
        if external := load("external", results=results, weights=weights):
            parts.append(foreign(external))
        if refused := load("gate", results=results, weights=weights):
            parts.append(refusals.section(refused))
    if lungs := load("lungs", results=results):
        parts.append(
            f"Lung masks: Dice {lungs['dice_mean']:.3f} (5th percentile "
            f"{lungs['dice_5th_percentile']:.3f}) on {lungs['films']} films of held-out patients, "
            f"{lungs['parameters'] / 1e6:.1f} M parameters."
        )
    benches = [load(f"bench_{device}", results=results) for device in ("cpu", "gpu")]
    parts += [speed.section(bench) for bench in benches if bench]
    if under_load := load("load", results=results):
        parts.append(speed.under_load(under_load))
    if batch := load("batch", results=results):
        parts.append(speed.long_batch(batch))
    return "\n\n".join(
        [*parts, "<sub>Tables and figures by `make report` from `train/results/`.</sub>"]
    )


def trained(results: Path = RESULTS) -> str:
    """What train/README.md shows: rows, experiments and findings, as far as they are there."""
    holdout, audit, experiments = (load(n, results=results) for n in PAGE)
    rows = load("rows", results=results)
    if rows and rows["rows_sha256"] != holdout["rows"]:
        raise SystemExit("rows.json is of other rows than holdout.json; run python -m train.rows.")
    speeds = [load(f"speed_{device}", results=results) for device in ("cpu", "cuda")]
    return page(rows, experiments, [each for each in speeds if each], holdout, audit)


def fill(text: str, content: str) -> str:
    """A text with this content in its block. Raises ValueError without exactly one block."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"a page needs one {BEGIN} and one {END} after it")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{content}\n{END}{after}"


PAGES: dict[Path, Content] = {README: block, TRAINING: trained}


def figures(results: Path = RESULTS) -> dict[Path, bytes]:
    """Every figure of the results as SVG, by path."""
    measured = load_measured(results)
    if measured is None:
        return {}
    holdout, calibration, besides = measured
    besides |= {name: load(name, results=results) for name in ("rows", "experiments")}
    return {
        results / "figures" / f"{name}.svg": drawing.svg(draw, title=name.replace("_", " "))
        for name, draw in drawings(holdout, calibration, **besides).items()
    }


def card_of(places: Places) -> dict[Path, bytes]:
    """The model card, by path; nothing before train.publish has described these weights."""
    versions = load("versions", results=places.results) or []
    manifest = load_manifest(places.weights / MANIFEST)
    if manifest.revision not in {version["weights"] for version in versions}:
        return {}
    text = str(card.model_card(card.load_results(places.results, manifest)))
    return {places.weights / card.CARD: text.encode()}


def write(path: Path, content: bytes | None, *, check: bool) -> bool:
    """Bring a file to this content, or to its absence; returns whether it was otherwise."""
    before = path.read_bytes() if path.exists() else None
    if before == content or check:
        return before != content
    if content is None:
        path.unlink()
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return True


def renew(pages: Mapping[Path, Content], places: Places, *, check: bool) -> list[Path]:
    """Bring figures, gallery, pages and card up to date; returns what was not.

    ``pages`` says of each Markdown file what its block shows, given the results' folder.
    """
    # In float32 on the CPU, whatever the machine, so that every run gives the same picture.
    reader = open_reader(places.weights, device=torch.device("cpu"), engine_name=TORCH)
    require_current(places.results, reader.manifest)
    drawn = figures(places.results)
    old = {p: None for p in (places.results / "figures").glob("*.svg") if p not in drawn}
    changed = []
    # The pages last but one: README quotes the gallery.
    for part in (
        lambda: {**old, **drawn},
        lambda: gallery.files(reader, places.results),
        lambda: {p: fill(p.read_text(), of(places.results)).encode() for p, of in pages.items()},
        lambda: card_of(places),
    ):
        changed += [p for p, content in part().items() if write(p, content, check=check)]
    return changed


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 on a difference"
    )
    check = parser.parse_args(arguments).check
    changed = renew(PAGES, Places(), check=check)
    for path in changed:
        print(f"{'stale' if check else 'wrote'} {path}")
    if check and changed:
        sys.exit("run make report")


if __name__ == "__main__":
    main()
