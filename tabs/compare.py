"""The Compare tab: the film of the Read tab before every model, each answer as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from pneumo import Reader, Reading, board, report, view
from pneumo.comparison import Comparison, Opinion
from tabs.desk import Desk
from tabs.tongue import label
from tabs.zero import lent_in_turn

SCRIPT = Path(__file__).parents[1] / "assets" / "board.js"


def tab(reader: Reader, desk: Desk, *, chosen: gr.Tab) -> None:
    """Lay the tab out inside the current Blocks; ``chosen`` is the tab that it stands in."""
    comparison = Comparison(reader)
    asked = lent_in_turn(comparison.ask)
    titles = [row.title for row, _ in comparison.rows]
    shown = gr.HTML(
        label(board.empty), elem_id="board", js_on_load=SCRIPT.read_text(), apply_default_css=False
    )

    full = gr.State("")  # the key of the board that is shown, once every row has answered

    def ask(point: str, reading: Reading | None, before: str) -> Iterator[tuple[Any, Any]]:
        """Fill the board answer by answer; a board that is already this film's stays."""
        if reading is None:
            yield view.expired() if before else board.empty(), before
            return
        reading = reader.at(reading, point)
        if board.key(reading) == before:
            yield gr.skip(), gr.skip()
            return
        opinions: list[Opinion] = []
        yield board.board(reading, opinions, waiting=titles), ""
        for opinion in asked(reading):
            opinions.append(opinion)
            yield board.board(reading, opinions, waiting=titles[len(opinions) :]), ""
        yield gr.skip(), board.key(reading)

    def compare(film: dict[str, Any] | None, operating_point: str) -> dict[str, Any]:
        """Read one frontal chest film of a child by the ensemble and by every single network.

        The answer (JSON, schema pneumo.comparison/1) has each one's probability of pneumonia,
        decision and pattern. For research and teaching, not a diagnosis. A refused film is an
        answer, not an error.

        Parameters:
            film: The film (DICOM, PNG, JPEG or TIFF). A tool takes it as a data: address in base64.
            operating_point: screening, balanced, assisted or rule_in.
        """
        answer, reading = desk.answer(film, operating_point)
        return report.comparison_as_json(answer, asked(reading) if reading else ())

    point, kept = desk.choices[0], desk.outputs[3]
    event = chosen.select(
        ask,
        [point, kept, full],
        [shown, full],
        show_progress="minimal",
        trigger_mode="always_last",  # another film may be brought while one is being asked about
        api_visibility="private",
    )
    event.failure(view.fault, None, shown, api_visibility="private")
    film, answer, press = gr.File(visible=False), gr.JSON(visible=False), gr.Button(visible=False)
    press.click(compare, [film, point], answer, api_name="compare", preprocess=False)
