"""The language in which a visitor is spoken to.

English stands in the source and is the key of every other language's catalogue
(pneumo/languages/CODE.json). What other programs read stays English: the reading as JSON, the
spreadsheet, the command line, the printed report and the log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

ENGLISH = "en"
NAMES = {"en": "English", "es": "Español", "pt": "Português", "fr": "Français", "zh": "简体中文"}
LOCALES = {"en": "en", "es": "es", "pt": "pt-BR", "fr": "fr", "zh": "zh-CN"}  # for the browser

_current: ContextVar[str] = ContextVar("language", default=ENGLISH)


@contextmanager
def use(language: str) -> Iterator[None]:
    """Speak a language, one of `NAMES`, until the block ends; other threads keep their own."""
    before = _current.set(language)
    try:
        yield
    finally:
        _current.reset(before)


def current() -> str:
    """The language that is spoken now, one of `NAMES`."""
    return _current.get()


def say(sentence: str, /, **values: object) -> str:
    """An English sentence in the current language, its {placeholders} filled.

    Where English uses one word for two things, the key says before a bar which is meant.
    """
    english = sentence.rpartition("|")[2]
    return _catalogue(current()).sentences.get(sentence, english).format(**values)


def spoken(sentence: str) -> str:
    """The same for a sentence that the core has finished in English, such as a refusal.

    What fills {0}, {1} of the catalogue's sentence is found in the finished one and may itself be
    known. An unknown sentence stays English.
    """
    catalogue = _catalogue(current())
    if sentence in catalogue.sentences:
        return catalogue.sentences[sentence]
    for finished, translation in catalogue.templates:
        if found := finished.fullmatch(sentence):
            return translation.format(*map(spoken, found.groups()))
    return sentence


def paragraph(*sentences: str) -> str:
    """Sentences one after another, empty ones left out; Chinese puts no space between them."""
    return ("" if current() == "zh" else " ").join(filter(None, sentences))


def chosen(*, wished: str | None, accepted: str | None) -> str:
    """A visitor's language: the one asked for by its code, else the first that is accepted.

    ``accepted`` is an Accept-Language header (RFC 9110, 12.5.4). English where neither names a
    language of `NAMES`.
    """
    if wished in NAMES:
        return wished
    weighed = []
    for choice in (accepted or "").split(","):
        tag, _, weight = choice.partition(";")
        given = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", weight)
        code = tag.strip().lower().partition("-")[0]
        weighed.append((float(given[1]) if given else 1.0, code))
    weighed.sort(key=lambda each: -each[0])  # stable: of equals, the first
    return next((code for weight, code in weighed if weight and code in NAMES), ENGLISH)


def catalogue(language: str) -> Mapping[str, str]:
    """English sentence -> translation; empty for English itself."""
    return _catalogue(language).sentences


@dataclass(frozen=True)
class _Catalogue:
    sentences: Mapping[str, str]
    templates: tuple[tuple[re.Pattern[str], str], ...]  # those with {0}, the most definite first


@cache
def _catalogue(language: str) -> _Catalogue:
    if language == ENGLISH:
        return _Catalogue({}, ())
    text = (files("pneumo") / "languages" / f"{language}.json").read_text(encoding="utf-8")
    sentences: dict[str, str] = json.loads(text)
    keys = sorted((key for key in sentences if "{0}" in key), key=len, reverse=True)
    return _Catalogue(sentences, tuple((template(key), sentences[key]) for key in keys))


def template(key: str) -> re.Pattern[str]:
    """A catalogue's sentence with {0}, {1}, as the pattern of its finished sentences."""
    parts = re.split(r"\{\d\}", key)
    return re.compile("(.+?)".join(map(re.escape, parts)), re.DOTALL)
