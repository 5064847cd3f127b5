"""The Gradio app: layout and events only. `python app.py` serves it; PORT overrides 7860."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import Any

import gradio as gr

from pneumo import PneumoError, Reader, Reading, lightbox, load_reader, report, view
from pneumo.radiograph import MAX_BYTES, decode

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
NON_FILM = "not-a-film"  # the example that is refused; shown last
FILM_SUFFIXES = (".dcm", ".dicom", ".jpeg", ".jpg", ".png", ".tif", ".tiff")
PURGE_EVERY_S, PURGE_AFTER_S = 60, 480  # gone after nine minutes: `view.welcome` says ten
FORGET_AFTER_S = 600  # a session's last reading, kept in memory to judge it at another point

log = logging.getLogger("pneumo.app")


Answer = tuple[str, str, Reading | None, None]  # film, card, what is kept, the emptied upload


def build(reader: Reader, *, examples: Path = HERE / "examples") -> gr.Blocks:
    """The whole page for one reader, ready to launch."""
    films = _films(examples)
    names = [p.name for p in reader.manifest.operating_points]

    def read(data: bytes, operating_point: str, progress: gr.Progress) -> Answer:
        try:
            reading = reader.read(
                data,
                operating_point=operating_point,
                progress=lambda share, doing: progress(share, desc=doing),
            )
        except PneumoError as error:
            log.info("refused: %s", error)
            return "", view.refusal(error), None, None
        return lightbox.figure(reading), view.card(reading), reading, None

    def read_upload(
        film: dict[str, Any] | None,
        operating_point: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds it by its default
    ) -> Answer:
        return read(_bytes(film), operating_point, progress)

    def read_example(
        operating_point: str,
        event: gr.EventData,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Answer:
        return read(films[event.name].read_bytes(), operating_point, progress)

    def judge(operating_point: str, reading: Reading | None, shown: str) -> str:
        if reading is None:
            return view.expired() if "data-reading" in shown else shown
        return view.card(reader.at(reading, operating_point))

    def read_as_json(film: dict[str, Any] | None, operating_point: str) -> dict[str, Any]:
        """Read one film (schema pneumo.reading/1). A refused film is an answer, not an error."""
        if operating_point not in names:
            raise gr.Error(f"The operating point must be one of {', '.join(names)}.")
        name, data = (film or {}).get("orig_name") or "", _bytes(film)
        try:
            reading = reader.read(data, operating_point=operating_point)
        except PneumoError as error:
            sha256 = hashlib.sha256(data).hexdigest() if data else None
            return report.refusal_as_json(error, file=name, sha256=sha256)
        return report.as_json(reading, file=name)

    page = gr.Blocks(
        title="Pneumo",
        fill_width=True,
        analytics_enabled=False,
        delete_cache=(PURGE_EVERY_S, PURGE_AFTER_S),
    )
    with page:
        kept = gr.State(None, time_to_live=FORGET_AFTER_S)
        gr.HTML(view.header(reader.manifest.revision), elem_id="masthead")
        with gr.Tab("Read"), gr.Row(elem_id="read"):
            with gr.Column(scale=2, min_width=320, elem_id="left"):
                with gr.Row(elem_id="open"):
                    upload = gr.File(label="Open a chest film", show_label=False, elem_id="upload")
                    strip = gr.HTML(
                        view.examples(_thumbnails(films)),
                        js_on_load=(ASSETS / "examples.js").read_text(),
                        apply_default_css=False,
                        limit=MAX_BYTES,
                    )
                film = gr.HTML(
                    "",
                    elem_id="film",
                    js_on_load=(ASSETS / "film.js").read_text(),
                    apply_default_css=False,
                )
            with gr.Column(scale=1, min_width=320, elem_id="right"):
                point = gr.Radio(
                    [(view.point_label(p), p.name) for p in reader.manifest.operating_points],
                    value=names[0],
                    label="Operating point",
                    info=view.POINT_INFO,
                    elem_id="point",
                )
                card = gr.HTML(view.welcome(), elem_id="card", apply_default_css=False)
                answer = gr.JSON(visible=False)
                ask = gr.Button(visible=False)

        outputs = [film, card, kept, upload]
        private: dict[str, Any] = {"api_visibility": "private"}
        # Unprocessed, an upload is its checked path and name; gr.File would copy it once more.
        quick: dict[str, Any] = {"show_progress_on": card, "preprocess": False, **private}
        for event in (
            upload.upload(read_upload, [upload, point], outputs, **quick),
            strip.click(read_example, [point], outputs, **quick),
        ):
            event.failure(lambda: ("", view.fault(), None, None), None, outputs, **private)
        too_large = view.too_large(MAX_BYTES)
        strip.too_large(lambda: ("", too_large, None, None), None, outputs, **private)
        point.change(judge, [point, kept, card], card, show_progress="hidden", **private)
        ask.click(read_as_json, [upload, point], answer, api_name="read", preprocess=False)
    return page


def _bytes(film: dict[str, Any] | None) -> bytes:
    """The content of an upload; gradio has checked that its path lies among the uploads."""
    return Path(film["path"]).read_bytes() if film else b""


def _films(folder: Path) -> dict[str, Path]:
    """The example files by name; only these names can be asked for."""
    films = [p for p in folder.glob("*") if p.suffix.lower() in FILM_SUFFIXES]
    return {p.name: p for p in sorted(films, key=lambda p: (p.stem == NON_FILM, p.name))}


def _thumbnails(films: dict[str, Path]) -> dict[str, str]:
    return {name: lightbox.thumbnail(decode(path.read_bytes())) for name, path in films.items()}


def theme() -> gr.themes.Base:
    """Dark whatever the browser prefers: a film is read in a dark room. No font is fetched."""
    base = gr.themes.Base(
        primary_hue="cyan",
        neutral_hue="neutral",
        spacing_size="sm",
        radius_size="sm",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    for name in [n for n in vars(base) if n.endswith("_dark")]:
        if (value := getattr(base, name)) is not None:
            setattr(base, name.removesuffix("_dark"), value)
    return base


def launch(page: gr.Blocks, **options: Any) -> str:
    """Serve the page and return its address: nothing is recorded, shared, monitored or linked."""
    _, address, _ = page.queue(default_concurrency_limit=2, max_size=32).launch(
        theme=theme(),
        css_paths=ASSETS / "style.css",
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        max_file_size=MAX_BYTES,
        share=False,
        **options,
    )
    return str(address)


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s")
    log.setLevel(logging.INFO)  # others stay at warnings: httpx logs each address it asks for
    launch(build(load_reader()), server_port=int(os.environ.get("PORT", "7860")))
