"""Setting text: every line fits, and no letter is lost on the way."""

from __future__ import annotations

import pytest

from pneumo.paper.sheet import Style, printable, width_mm, wrap

BODY = Style(8)
TEXTS = {
    "sentence": "Of 100 children with pneumonia it misses 1 (fewer than 1 to 3). " * 4,
    "one long word": "w" * 400,
    "long word among short": f"a {'i' * 90} b {'W' * 90} c",
    "paragraphs": "First.\n\nSecond, after an empty line.",
    "nothing": "",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("within_mm", [12.0, 40.0, 86.0])
def test_no_line_is_wider_than_its_column_and_no_letter_is_lost(
    text: str, within_mm: float
) -> None:
    lines = wrap(text, BODY, within_mm=within_mm)
    assert max(width_mm(line, BODY) for line in lines) <= within_mm
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_column_narrower_than_a_letter_takes_one_letter_a_line() -> None:
    assert wrap("WM", BODY, within_mm=0.1) == ["W", "M"]


def test_paragraphs_stay_apart() -> None:
    assert wrap("First.\n\nSecond.", BODY, within_mm=86) == ["First.", "", "Second."]


def test_latin_with_accents_is_printable_and_what_the_font_lacks_is_not() -> None:
    assert printable("Zoë Müller-Łukasiewicz, José Ñandú, Ağaoğlu, Čapková, Nguyễn")
    assert not printable("王小明")
