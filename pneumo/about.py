"""The model card as a page: what these weights are for, how they were made, where they end.

One source, weights/MODEL_CARD.md, which ``python -m train.publish`` writes. The page fetches
nothing: pictures of the card are named, not loaded.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from pneumo.evidence.results import Missing
from pneumo.view import escape

CARD = Path(__file__).parents[1] / "weights" / "MODEL_CARD.md"
Environment = MutableMapping[str, Any]  # of a rendering; unused here
FENCE = "---\n"  # around the metadata for the Hub


def read_card(path: Path = CARD, *, weights: str) -> str | Missing:
    """The card's Markdown without its front matter, if it is the card of these weights."""
    remedy = "python -m train.publish writes it."
    if not path.exists():
        return Missing(f"The model card {path.name} is not beside these weights; {remedy}")
    text = path.read_text()
    if f"`{weights}`" not in text:
        return Missing(
            f"The model card {path.name} belongs to other weights than {weights}; {remedy}"
        )
    if text.startswith(FENCE):
        text = text.removeprefix(FENCE).partition(f"\n{FENCE}")[2]
    return text


def page(card: str | Missing) -> str:
    """The card as HTML with a list of its sections, or the sentence that stands in its place."""
    if isinstance(card, Missing):
        return f'<article class="about"><p>{escape(card.sentence)}</p></article>'
    tokens = _parser().parse(card)
    links = "".join(
        f'<li><a href="#{_anchor(title)}">{escape(title)}</a></li>' for title in _titles(tokens)
    )
    body = _parser().renderer.render(tokens, _parser().options, {})
    # The page's HTML is itself a template: braces and dollars would be filled in.
    body = body.replace("{", "&#123;").replace("$", "&#36;")
    return (
        '<article class="about"><nav aria-label="Sections of the model card">'
        f"<ul>{links}</ul></nav><div>{body}</div></article>"
    )


class CardRenderer(RendererHTML):
    """Wide tables scroll by themselves, sections can be linked to, and nothing is fetched."""

    def heading_open(
        self, tokens: Sequence[Token], i: int, options: OptionsDict, env: Environment
    ) -> str:
        if _section(tokens[i]):
            tokens[i].attrSet("id", _anchor(tokens[i + 1].content))
        return self.renderToken(tokens, i, options, env)

    def table_open(
        self, tokens: Sequence[Token], i: int, options: OptionsDict, env: Environment
    ) -> str:
        name = escape((_titles(tokens[:i]) or ["Table"])[-1])
        return f'<div class="scroll" role="region" tabindex="0" aria-label="{name}"><table>'

    def table_close(
        self, tokens: Sequence[Token], i: int, options: OptionsDict, env: Environment
    ) -> str:
        return "</table></div>"

    def link_open(
        self, tokens: Sequence[Token], i: int, options: OptionsDict, env: Environment
    ) -> str:
        tokens[i].attrSet("target", "_blank")
        tokens[i].attrSet("rel", "noopener")
        return self.renderToken(tokens, i, options, env)

    def image(self, tokens: Sequence[Token], i: int, options: OptionsDict, env: Environment) -> str:
        return f"<em>Figure: {escape(tokens[i].content)}</em>"


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}, renderer_cls=CardRenderer).enable("table")


def _titles(tokens: Sequence[Token]) -> list[str]:
    return [after.content for token, after in pairwise(tokens) if _section(token)]


def _section(token: Token) -> bool:
    return token.type == "heading_open" and token.tag == "h2"


def _anchor(title: str) -> str:
    return "card-" + re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
