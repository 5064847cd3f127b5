"""One language for the whole page: gradio's own words, our labels, and what each event says.

A visitor's language is that of the address (``?lang=es``), else the browser's. It is chosen here,
on the server, from the request alone, so that a page and its events always agree.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import gradio as gr
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pneumo import language
from pneumo.language import LOCALES, spoken

LABELS = gr.I18n(**{locale: {} for locale in LOCALES.values()})  # filled by `label`
IN_STYLE_SHEETS = {  # gradio has no option for what stands in an empty gr.File
    "--open-film": "Drop a chest film here, or press to choose one",
    "--open-another": "Open another film",
    "--open-films": "Drop films or a ZIP here, or press to choose them",
}


def label(write: str | Callable[[], str]) -> Any:
    """Words that stand on the page before anything has happened, known in every language.

    Given as an English sentence of the catalogue, or as what writes it in the current language.
    """
    writes = write if callable(write) else partial(spoken, write)
    with language.use(language.ENGLISH):
        english = writes()
    for code, locale in LOCALES.items():
        with language.use(code):
            LABELS.translations[locale][english] = writes()
    return LABELS(english)


class Page(gr.Blocks):
    """A page whose events speak the language of whoever caused them."""

    async def call_function(
        self,
        block_fn: Any,
        processed_input: Any,
        iterator: Any = None,
        requests: Any = None,
        *rest: Any,
        **named: Any,
    ) -> Any:
        """Each step of an event; the threads that it runs in inherit the language."""
        request = requests[0] if isinstance(requests, list) else requests
        code = _of(request.query_params, request.headers) if request else language.ENGLISH
        with language.use(code):
            return await super().call_function(
                block_fn, processed_input, iterator, requests, *rest, **named
            )


class Interpreter:
    """The middleware that hands the page out in the visitor's language.

    Gradio speaks the browser's language and has no option for another; so the page is told, before
    any script of gradio's, that the browser speaks the language chosen.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Change the page's head on its way out, and nothing else."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            await self.app(scope, receive, send)
            return
        code = _of(QueryParams(scope["query_string"]), Headers(scope=scope))
        held: list[Message] = []

        async def change(message: Message) -> None:
            held.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                start, *parts = held
                body = _in(code, b"".join(part.get("body", b"") for part in parts))
                headers = MutableHeaders(scope=start)
                headers["content-length"] = str(len(body))
                headers["content-language"] = LOCALES[code]
                headers.add_vary_header("accept-language")
                await send(start)
                await send({"type": "http.response.body", "body": body})

        await self.app(scope, receive, change)


def _of(query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """The language of a request."""
    accepted = dict(headers).get("accept-language")
    return language.chosen(wished=dict(query).get("lang"), accepted=accepted)


def _in(code: str, page: bytes) -> bytes:
    """The page's HTML with the language in its head."""
    locale = json.dumps(LOCALES[code])
    with language.use(code):
        # As they are: a style sheet does not know JSON's escapes for letters.
        said = {
            name: json.dumps(spoken(s), ensure_ascii=False) for name, s in IN_STYLE_SHEETS.items()
        }
        words = "".join(f"{name}:{value};" for name, value in said.items())
    told = (
        f"<head><script>Object.defineProperties(navigator, {{language: {{value: {locale}}},"
        f" languages: {{value: [{locale}]}}}});</script><style>:root {{{words}}}</style>"
    )
    changed = page.replace(b"<head>", told.encode(), 1)
    return changed.replace(b'lang="en"', f"lang={locale}".encode(), 1)
