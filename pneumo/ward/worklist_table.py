"""A worklist on the page: what is under way, what came of it, and the list itself. Pure HTML."""

from __future__ import annotations

import base64
import json

from pneumo.decision import Decision
from pneumo.sentences import between, verdict_of
from pneumo.view import PATTERN_NAMES, POINT_NAMES, escape, percent
from pneumo.ward.spreadsheet import as_csv
from pneumo.ward.worklist import Entry, Status, Urgency, Worklist, as_json

# A shape beside each word, so that colour is not alone in telling the groups apart.
SHAPES = {
    Urgency.SUSPECTED: "▲",
    Urgency.REFER: "◆",
    Urgency.NOT_SUSPECTED: "○",
    Urgency.REFUSED: "✕",
}
REFUSED, FAILED = "Refused", "Failed"
DELETED = "The files are deleted from this machine within ten minutes of the last film read."
CAVEAT = "Patterns are those of this data set: they name no cause and are no advice on antibiotics."


def welcome(*, most: int, archive_bytes: int) -> str:
    """Before the first list."""
    return f"""<section class="listing"><h2>No list yet</h2>
<p>Drop up to {most:,} films at once, or a ZIP of up to {archive_bytes // 10**9} GB. They are read
one after another and listed most urgent first: suspected, then those on which the networks
disagree, then not suspected, each by falling probability; last what is no readable film, with the
reason.</p><p class="note">{DELETED}</p></section>"""


def progress(*, done: int, films: int, seconds: float) -> str:
    """How far the reading is, and how long the rest takes at this speed."""
    left = f", {_duration(seconds / done * (films - done))} left" if done else ""
    return f"""<section class="listing"><h2>Reading</h2>
<p>{done:,} of {films:,} films{left}</p>
<progress max="{films}" value="{done}" aria-label="Films read"></progress></section>"""


def summary(worklist: Worklist, *, films: int) -> str:
    """What came of a run over so many films, with its downloads."""
    done, counts = len(worklist.entries), worklist.counts
    words = _words(worklist)
    found = ", ".join(f"{n:,} {words[u].lower()}" for u, n in counts.items() if n)
    title = f"{'Stopped' if done < films else 'Done'}: {done:,} film{'s' * (done != 1)}"
    remarks = []
    if done < films:
        remarks.append(f"{films - done:,} of {films:,} films were not read.")
    if done and counts[Urgency.REFUSED] == done:
        remarks.append("No film could be read; the reasons stand in the list.")
    elif counts[Urgency.REFUSED]:
        remarks.append("What was refused has no answer: have it looked at.")
    return f"""<section class="listing" aria-live="polite"><h2>{title}</h2>
<p>{found[:1].upper() + found[1:]}{"." if found else ""} <b>{" ".join(remarks)}</b></p>
{_downloads(worklist) if done else ""}<p class="note">{DELETED}</p></section>"""


def table(worklist: Worklist) -> str:
    """The filter and the list. A row's button names its entry's key."""
    counts = {"all": len(worklist.entries)} | {str(u): n for u, n in worklist.counts.items()}
    words = {"all": "All"} | {str(u): word for u, word in _words(worklist).items()}
    choices = "".join(
        f'<label><input type="radio" name="show" value="{group}"{" checked" * (group == "all")}>'
        f"{words[group]} <b>{count:,}</b></label>"
        for group, count in counts.items()
    )
    rows = "".join(_row(entry, worklist) for entry in worklist.entries)
    threshold, point = worklist.operating_point.threshold, worklist.operating_point.name
    return f"""<div class="filter"><fieldset><legend>Show</legend>{choices}</fieldset>
<input type="search" placeholder="Part of a file name" aria-label="Part of a file name"></div>
<table style="--threshold:{100 * threshold:.1f}%"><caption>At {POINT_NAMES[point].lower()}, from
 {percent(threshold)} %. Press a film to open its reading. {CAVEAT}</caption>
<thead><tr><th scope="col">Film</th><th scope="col">Decision</th><th scope="col">Probability</th>
<th scope="col">Networks</th><th scope="col">Pattern</th><th scope="col">Remarks</th></tr></thead>
<tbody>{rows}</tbody></table><p class="none" hidden>No film in the list matches the filter.</p>"""


def expired() -> str:
    """When a list is too old to be judged anew or opened from."""
    return """<section class="listing" role="alert"><h2>Forgotten</h2>
<p>These films are no longer kept; drop them again to go on with them.</p></section>"""


def _row(entry: Entry, worklist: Worklist) -> str:
    name, urgency = escape(entry.source.name), entry.urgency
    return (
        f'<tr class="{urgency}" data-film="{entry.key}" data-name="{name.lower()}">'
        f'<th scope="row"><button type="button">{name}</button></th>'
        f'<td class="verdict"><i aria-hidden="true">{SHAPES[urgency]}</i> '
        f"{_word(entry, worklist)}</td>{_numbers(entry, worklist)}"
        f"<td>{escape(entry.reason or ' '.join(entry.cautions))}</td></tr>"
    )


def _words(worklist: Worklist) -> dict[Urgency, str]:
    """The groups' names as the operating point means them."""
    point = worklist.operating_point.name
    told = {Urgency(d): verdict_of(d, point).capitalize() for d in Decision}
    return told | {Urgency.REFUSED: REFUSED}


def _word(entry: Entry, worklist: Worklist) -> str:
    return FAILED if entry.status is Status.FAILED else _words(worklist)[entry.urgency]


def _numbers(entry: Entry, worklist: Worklist) -> str:
    estimate = entry.estimate
    if estimate is None:
        return "<td></td><td></td><td></td>"
    low, high = 100 * estimate.low, 100 * estimate.high
    share, name = max(zip(estimate.pattern, worklist.classes, strict=True))
    return (
        f'<td class="share"><b>{percent(estimate.probability)} %</b></td>'
        f'<td class="spread"><span class="bar"><i style="left:{low:.0f}%;width:{high - low:.0f}%">'
        f"</i></span> {between(estimate.low, estimate.high)}</td>"
        f'<td class="pattern">{PATTERN_NAMES[name]} {percent(share)} %</td>'
    )


def _downloads(worklist: Worklist) -> str:
    """Both exports inside the page itself: no file of them is ever made on this machine."""
    text = json.dumps(as_json(worklist), indent=1)
    links = (("CSV", "text/csv", as_csv(worklist)), ("JSON", "application/json", text))
    return (
        '<p class="exports">'
        + "".join(
            f'<a download="worklist.{label.lower()}" href="data:{kind};charset=utf-8;base64,'
            f'{base64.b64encode(content.encode()).decode()}">Download {label}</a>'
            for label, kind, content in links
        )
        + "</p>"
    )


def _duration(seconds: float) -> str:
    return f"about {seconds / 60:.0f} min" if seconds >= 90 else f"about {seconds:.0f} s"
