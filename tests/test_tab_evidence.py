"""The Evidence and About tabs in the browser: sliders, keys, models and what the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import held_out
import pytest
from chromium import Faults
from conftest import ROOT

from pneumo.evidence.panel import CLINIC_PREVALENCE
from pneumo.evidence.results import Missing, load_results
from pneumo.view import POINT_NAMES
from tabs import about, evidence

sync_api = pytest.importorskip("playwright.sync_api")
CARD = "# Pneumo weights\n\n## Limits\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return held_out.write(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with gr.Blocks(analytics_enabled=False) as blocks:
        with gr.Tab("Evidence"):
            evidence.tab(load_results(folder, weights=held_out.WEIGHTS))
        with gr.Tab("None"):
            evidence.tab(load_results(folder / "none", weights=held_out.WEIGHTS))
        with gr.Tab("About"):
            about.tab(CARD)
        with gr.Tab("No card"):
            about.tab(Missing("The model card is not there."))
    styles = sorted((ROOT / "assets").glob("*.css"))  # as the app links them: names may collide
    _, address, _ = blocks.launch(
        css_paths=styles, run_history=False, prevent_thread_lock=True, quiet=True
    )
    yield address
    blocks.close()


@pytest.fixture(params=[(1280, 800), (390, 844)], ids=["wide", "narrow"])
def page(
    request: pytest.FixtureRequest, browser: sync_api.Browser, address: str, faults: Faults
) -> Iterator[sync_api.Page]:
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    faults.watch(page, address)
    page.goto(address)
    page.locator(".live .summary").wait_for()
    yield page
    page.close()


def summary(page: sync_api.Page, waited_for: str) -> str:
    line = page.locator(".live .summary").filter(has_text=waited_for)
    line.wait_for(timeout=10_000)
    return " ".join(str(line.inner_text()).split())


def shown(share: float) -> str:
    return "> 99.9 %" if share > 0.9995 else f"{100 * share:.1f} %"


def overflow(page: sync_api.Page) -> int:
    root = "document.documentElement"
    return int(page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))


def test_each_operating_point_shows_what_the_results_predict(
    page: sync_api.Page, faults: Faults, folder: Path
) -> None:
    stored = held_out.stored(folder, "ensemble")["operating_points"]
    for name in reversed(stored):
        page.locator(f"#evidence-point input[value={name}]").check()
        said = summary(page, f"({POINT_NAMES[name]})")
        metrics, prior = stored[name]["metrics"], CLINIC_PREVALENCE
        se, sp = metrics["sensitivity"]["value"], metrics["specificity"]["value"]
        ppv = prior * se / (prior * se + (1 - prior) * (1 - sp))
        for share in (stored[name]["threshold"], se, sp, ppv):
            assert shown(share) in said
    assert faults == []
    assert overflow(page) == 0


def test_cost_and_children_stand_side_by_side_where_there_is_room(page: sync_api.Page) -> None:
    cost, children = (page.locator(".told > .exhibit").nth(i).bounding_box() for i in (0, 1))
    wide = page.viewport_size["width"] > 900
    assert (cost["y"] == children["y"]) == wide
    assert (cost["x"] == children["x"]) != wide
    right = children["x"] + children["width"]
    assert right > 0.9 * page.viewport_size["width"]


def test_the_threshold_moves_by_key_and_leaves_the_named_point(
    page: sync_api.Page, faults: Faults
) -> None:
    slider = page.locator("#threshold input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    said = summary(page, "20.1")
    assert POINT_NAMES["screening"] not in said
    assert page.locator("#evidence-point input:checked").count() == 0
    assert faults == []


def test_a_slider_moved_faster_than_the_server_answers_ends_where_it_stands(
    page: sync_api.Page, faults: Faults
) -> None:
    page.locator("#prevalence input[type=range]").focus()
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    summary(page, "Where 23.0")
    assert page.locator("#prevalence input[type=number]").input_value() == "23"
    assert faults == []


def test_a_typed_prevalence_changes_what_a_flag_is_worth(page: sync_api.Page) -> None:
    before = summary(page, "19.0")
    page.locator("#prevalence input[type=number]").fill("5")
    page.keyboard.press("Enter")
    after = summary(page, "Where 5.0")
    worth = [float(re.search(r"([\d.]+) % of those flagged", s)[1]) for s in (before, after)]
    assert worth[1] < worth[0]
    assert page.locator("#evidence-point input:checked").get_attribute("value") == "screening"


def test_another_model_brings_its_own_numbers_and_keeps_the_point(
    page: sync_api.Page, faults: Faults, folder: Path
) -> None:
    page.locator("#evidence-point input[value=balanced]").check()
    summary(page, "(Balanced)")
    page.locator("#model input").click()
    page.get_by_role("option", name="cnn3").click()
    said = summary(page, "cnn3")
    stored = held_out.stored(folder, "cnn3")
    metrics = stored["operating_points"]["balanced"]["metrics"]
    assert shown(metrics["sensitivity"]["value"]) in said
    assert "(Balanced)" in said
    page.locator("tr.chosen", has_text="cnn3").wait_for()
    assert faults == []


def test_nothing_is_shown_where_nothing_was_measured(page: sync_api.Page) -> None:
    page.get_by_role("tab", name="None").click()
    absent = page.locator(".exhibit.absent:visible")
    absent.first.wait_for()
    assert absent.count() == 4
    assert page.locator(".plot:visible, .exhibit table:visible").count() == 0


def test_about_lists_its_sections_and_fits_the_screen(page: sync_api.Page, faults: Faults) -> None:
    page.get_by_role("tab", name="About").click()
    page.locator(".about nav a", has_text="Limits").click()
    assert page.locator("#card-limits").is_visible()
    assert page.locator(".about table").is_visible()
    assert overflow(page) == 0
    page.get_by_role("tab", name="No card").click()
    page.get_by_text("The model card is not there.").wait_for()
    assert faults == []
