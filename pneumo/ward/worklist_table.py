"""A worklist on the page: what is under way, what came of it, and the list itself. Pure HTML."""

from __future__ import annotations

import base64
import json

from pneumo.decision import Decision
from pneumo.language import paragraph, say, spoken
from pneumo.sentences import between, class_in_words, point_in_words, verdict_of
from pneumo.view import escape, percent
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
    given = say(
        "Drop up to {most} films at once, or a ZIP of up to {size} GB.",
        most=f"{most:,}",
        size=archive_bytes // 10**9,
    )
    order = say(
        "They are read one after another and listed most urgent first: suspected, then those on "
        "which the networks disagree, then not suspected, each by falling probability; last what "
        "is no readable film, with the reason."
    )
    return f"""<section class="listing"><h2>{say("No list yet")}</h2>
<p>{paragraph(given, order)}</p><p class="note">{spoken(DELETED)}</p></section>"""


def progress(*, done: int, films: int, seconds: float) -> str:
    """How far the reading is, and how long the rest takes at this speed."""
    given = {"done": f"{done:,}", "films": f"{films:,}"}
    told = say("{done} of {films} films", **given)
    if done:
        left = _duration(seconds / done * (films - done))
        told = say("{done} of {films} films, {time} left", **given, time=left)
    return f"""<section class="listing"><h2>{say("Reading")}</h2>
<p>{told}</p>
<progress max="{films}" value="{done}" aria-label="{say("Films read")}"></progress></section>"""


def summary(worklist: Worklist, *, films: int) -> str:
    """What came of a run over so many films, with its downloads."""
    done, counts = len(worklist.entries), worklist.counts
    words = _words(worklist)
    found = ", ".join(f"{n:,} {words[u].lower()}" for u, n in counts.items() if n)
    read = say("1 film") if done == 1 else say("{count} films", count=f"{done:,}")
    title = say("Stopped: {read}", read=read) if done < films else say("Done: {read}", read=read)
    remarks = []
    if done < films:
        missed, every = f"{films - done:,}", f"{films:,}"
        remarks.append(say("{missed} of {all} films were not read.", missed=missed, all=every))
    if done and counts[Urgency.REFUSED] == done:
        remarks.append(say("No film could be read; the reasons stand in the list."))
    elif counts[Urgency.REFUSED]:
        remarks.append(say("What was refused has no answer: have it looked at."))
    return f"""<section class="listing" aria-live="polite"><h2>{title}</h2>
<p>{found[:1].upper() + found[1:]}{"." if found else ""} <b>{paragraph(*remarks)}</b></p>
{_downloads(worklist) if done else ""}<p class="note">{spoken(DELETED)}</p></section>"""


def table(worklist: Worklist) -> str:
    """The filter and the list. A row's button names its entry's key."""
    counts = {"all": len(worklist.entries)} | {str(u): n for u, n in worklist.counts.items()}
    words = {"all": say("All")} | {str(u): word for u, word in _words(worklist).items()}
    choices = "".join(
        f'<label><input type="radio" name="show" value="{group}"{" checked" * (group == "all")}>'
        f"{words[group]} <b>{count:,}</b></label>"
        for group, count in counts.items()
    )
    rows = "".join(_row(entry, worklist) for entry in worklist.entries)
    threshold, point = worklist.operating_point.threshold, worklist.operating_point.name
    heads = say("Film"), say("Decision"), say("Probability"), say("Networks"), say("Pattern")
    columns = "".join(f'<th scope="col">{head}</th>' for head in (*heads, say("Remarks")))
    judged = say(
        "At {point}, from {share} %.", point=point_in_words(point).lower(), share=percent(threshold)
    )
    about = paragraph(judged, say("Press a film to open its reading."), spoken(CAVEAT))
    part, none = say("Part of a file name"), say("No film in the list matches the filter.")
    return f"""<div class="filter"><fieldset><legend>{say("Show")}</legend>{choices}</fieldset>
<input type="search" placeholder="{part}" aria-label="{part}"></div>
<table style="--threshold:{100 * threshold:.1f}%"><caption>{about}</caption>
<thead><tr>{columns}</tr></thead>
<tbody>{rows}</tbody></table><p class="none" hidden>{none}</p>"""


def expired() -> str:
    """When a list is too old to be judged anew or opened from."""
    told = say("These films are no longer kept; drop them again to go on with them.")
    return f"""<section class="listing" role="alert"><h2>{say("Forgotten")}</h2>
<p>{told}</p></section>"""


def _row(entry: Entry, worklist: Worklist) -> str:
    name, urgency = escape(entry.source.name), entry.urgency
    return (
        f'<tr class="{urgency}" data-film="{entry.key}" data-name="{name.lower()}">'
        f'<th scope="row"><button type="button">{name}</button></th>'
        f'<td class="verdict"><i aria-hidden="true">{SHAPES[urgency]}</i> '
        f"{_word(entry, worklist)}</td>{_numbers(entry, worklist)}"
        f"<td>{escape(_remarks(entry))}</td></tr>"
    )


def _remarks(entry: Entry) -> str:
    return paragraph(*map(spoken, [entry.reason] if entry.reason else entry.cautions))


def _words(worklist: Worklist) -> dict[Urgency, str]:
    """The groups' names as the operating point means them."""
    point = worklist.operating_point.name
    told = {Urgency(d): verdict_of(d, point).capitalize() for d in Decision}
    return told | {Urgency.REFUSED: spoken(REFUSED)}


def _word(entry: Entry, worklist: Worklist) -> str:
    if entry.status is Status.FAILED:
        return spoken(FAILED)
    return _words(worklist)[entry.urgency]


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
        f'<td class="pattern">{class_in_words(name)} {percent(share)} %</td>'
    )


def _downloads(worklist: Worklist) -> str:
    """Both exports inside the page itself: no file of them is ever made on this machine."""
    text = json.dumps(as_json(worklist), indent=1)
    links = (("CSV", "text/csv", as_csv(worklist)), ("JSON", "application/json", text))
    return (
        '<p class="exports">'
        + "".join(
            f'<a download="worklist.{label.lower()}" href="data:{kind};charset=utf-8;base64,'
            f'{base64.b64encode(content.encode()).decode()}">'
            f"{say('Download {kind}', kind=label)}</a>"
            for label, kind, content in links
        )
        + "</p>"
    )


def _duration(seconds: float) -> str:
    if seconds >= 90:
        return say("about {minutes} min", minutes=f"{seconds / 60:.0f}")
    return say("about {seconds} s", seconds=f"{seconds:.0f}")
