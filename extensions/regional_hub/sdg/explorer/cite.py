"""How a page is cited, asked for by machines and shared: its citation, its SDMX query, its code in Python and R.

Whatever is cited names the release and every choice, so that it shows the same figures for ever.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from regional_hub.core.citing import tex
from regional_hub.sdg import timeline
from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.explorer.choices import Choice
from regional_hub.sdg.explorer.figure import Figure
from regional_hub.sdg.explorer.saying import say
from regional_hub.sdg.explorer.state import ALL, State
from regional_hub.sdg.selection import Selection

ACCEPT_CSV = "application/vnd.sdmx.data+csv;version=2.0.0"


@dataclass(frozen=True)
class Citation:
    """One citation in three forms."""

    text: str
    bibtex: str
    csl: str
    link: str


def pinned(figure: Figure) -> State:
    """The state with the flow, the release and every choice named."""
    explicit = figure.choice.explicit
    return State(
        **{name: getattr(explicit, name) for name in ("series", "chosen", "scale", "against", "start", "end")},
        chart=figure.state.chart,
        flow=figure.book.flow,
        release=figure.state.release or figure.book.release.id,
    )


def published(book: Book) -> datetime:
    """When the release that is shown became public."""
    at = [event.at for event in book.events if event.release.id == book.release.id]
    return at[-1] if at else book.view.at


def citation(figure: Figure, base: str) -> Citation:
    """`base` is the address of the site, without a slash at its end."""
    book, language = figure.book, figure.language
    when, link = published(book), base + pinned(figure).address(book)
    title = " – ".join(part for part in (figure.title.text, figure.constant) if part)
    agency = book.structure.agency
    release = say(language, f"release {book.release.id}", f"版本 {book.release.id}")
    text = say(
        language,
        f"{agency} ({when.year}). {title} [data set {book.flow}, {release}, {when:%Y-%m-%d}]. {figure.site}. {link}",
        f"{agency}（{when.year}）。{title}［数据集 {book.flow}，{release}，{when:%Y-%m-%d}］。{figure.site}。{link}",
    )
    key = re.sub(r"[^A-Za-z0-9]+", "", f"{figure.state.series}{book.release.id}")
    bibtex = "\n".join(
        [
            f"@misc{{{key},",
            f"  author = {{{{{tex(agency)}}}}},",
            f"  title = {{{{{tex(title)}}}}},",
            f"  year = {{{when.year}}},",
            f"  version = {{{tex(book.release.id)}}},",
            f"  publisher = {{{tex(figure.site)}}},",
            f"  note = {{{tex(f'{book.flow}, {release}')}}},",
            f"  url = {{{link}}}",
            "}",
        ]
    )
    entry = {
        "id": key,
        "type": "dataset",
        "title": title,
        "author": [{"literal": agency}],
        "issued": {"date-parts": [[when.year, when.month, when.day]]},
        "version": book.release.id,
        "publisher": figure.site,
        "URL": link,
    }
    return Citation(text, bibtex, json.dumps([entry], ensure_ascii=False, indent=2), link)


def since(book: Book) -> datetime:
    """Since when what is shown has been so: the release's publication, or the end of an embargo after it."""
    at = book.view.at
    held = (embargo.end for embargo in book.store.timeline(book.flow).embargoes)
    return max([published(book), *(end for end in held if end <= at)])


# -- for machines ------------------------------------------------------------------------------------------------------


def sdmx_url(choice: Choice, base: str, *, pin: bool = True) -> str:
    """The SDMX REST 2.2 query of exactly this selection; with `pin` as of the moment that is shown."""
    return query_url(choice.book, choice.whole, base, pin=pin)


def query_url(book: Book, selection: Selection, base: str, *, pin: bool = True) -> str:
    agency, _, id = book.flow.partition(":")
    (key,) = selection.keys
    single = ".".join(codes[0] if codes is not None and len(codes) == 1 else ALL for codes in key)
    said: dict[str, str] = {}
    for part, codes in zip(book.structure.dimensions, key, strict=True):
        if codes is not None and len(codes) > 1:
            said[f"c[{part.id}]"] = ",".join(codes)
    limits = [f"{c.operator}:{c.value}" for each in selection.filters for c in each.any_of]
    if limits and book.roles.time:
        said[f"c[{book.roles.time}]"] = "+".join(limits)
    if pin:
        said["asOf"] = timeline.stamp(since(book))
    query = urlencode(said, safe="[],:*")
    path = f"{quote(agency)}/{quote(id)}/~/{quote(single, safe='.*')}"
    return f"{base}/sdmx/v2/data/dataflow/{path}{'?' if query else ''}{query}"


@dataclass(frozen=True)
class Snippet:
    """Code that a reader copies; `language` is what it is written in."""

    language: str
    code: str


def snippets(url: str) -> list[Snippet]:
    """The query in the tools that people use. The address stands in a literal of each language."""
    csv = f"{url}{'&' if '?' in url else '?'}format=csv"
    return [
        Snippet("curl", f"curl --globoff -H 'Accept: {ACCEPT_CSV}' \\\n  {shell(url)}"),
        Snippet("Python (pandas)", f"import pandas as pd\n\nurl = {csv!r}\ndata = pd.read_csv(url, dtype=str)"),
        Snippet(
            "Python (pysdmx)",
            "import httpx\nfrom pysdmx.io import read_sdmx\n\n"
            f"url = {url!r}\n"
            f'answer = httpx.get(url, headers={{"Accept": "{ACCEPT_CSV}"}})\n'
            "data = read_sdmx(answer.text).data[0].data",
        ),
        Snippet("R", f'url <- {json.dumps(csv)}\ndata <- read.csv(url, colClasses = "character", check.names = FALSE)'),
    ]


def shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def embed_code(figure: Figure, base: str) -> str:
    """An iframe with the chart; everything in it is escaped."""
    from html import escape

    address = base + pinned(figure).address(figure.book).replace("/sdg/series/", "/sdg/embed/series/", 1)
    return (
        f'<iframe src="{escape(address)}" title="{escape(figure.title.text)}" width="100%" height="520" '
        'loading="lazy" style="border:0"></iframe>'
    )
