"""Pneumo: a calibrated second look at a child's chest film, for research and teaching.

One film is read by

    from pneumo import load_reader
    reading = load_reader().read(Path("film.png").read_bytes())
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumo.errors import PneumoError

if TYPE_CHECKING:
    from pneumo.reader import Reader, Reading, load_reader

__version__ = "0.1.0"
__all__ = ["PneumoError", "Reader", "Reading", "load_reader"]


def __getattr__(name: str) -> Any:
    # Lazy: `train` imports parts of this package on machines without the decoders.
    if name in __all__:
        from pneumo import reader

        return getattr(reader, name)
    raise AttributeError(f"module 'pneumo' has no attribute {name!r}")
