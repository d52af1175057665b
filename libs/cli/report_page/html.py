"""A page of HTML by itself: everything that it needs is in it, and whatever is told is escaped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from libs.common.texts import Locale

STYLE = """
:root{color:#111827;background:#fff}
:root{font:16px/1.5 system-ui,"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif}
body{max-width:60rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.7rem;margin:0}h2{margin:2.5rem 0 .5rem;border-bottom:2px solid #d1d5db}
h3{margin:1.5rem 0 .25rem}
p{margin:.25rem 0 .75rem;max-width:48rem}.said{font-size:1.05rem}.small,caption{color:#4b5563;font-size:.9rem}
nav a{display:inline-block;margin-right:1rem;color:#1d4ed8}
svg{width:100%;height:auto;font-size:12px;fill:#111827}
table{border-collapse:collapse;margin:.5rem 0 1rem;font-size:.9rem}
caption{text-align:left;padding-bottom:.25rem}
th,td{border-bottom:1px solid #d1d5db;padding:.2rem .7rem;text-align:right;font-variant-numeric:tabular-nums}
td+td,th+th{white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{background:#f3f4f6}.look{color:#b91c1c;font-weight:600}
.missing{border-left:4px solid #b45309;padding:.5rem 1rem;background:#fffbeb}.wide{overflow-x:auto}
@media print{body{max-width:none;padding:0}nav{display:none}section{break-inside:auto}
figure,tr,h2,h3{break-inside:avoid}h2,h3{break-after:avoid}th{background:none}}
figure{margin:0;overflow-x:auto}
@media(max-width:40rem){figure svg{min-width:36rem}td:first-child{min-width:7rem}}
""".replace("\n", "")
MARKED = ' class="look"'


@dataclass(frozen=True, slots=True)
class Voice:
    """Says everything in one language."""

    locale: Locale

    def __call__(self, zh: str, en: str) -> str:
        """The text in this language."""
        return zh if self.locale == "zh" else en


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with its own anchor; its body is HTML."""

    key: str
    title: str
    body: str


def said(sentence: str) -> str:
    """What a chart shows, in one sentence."""
    return f'<p class="said">{escape(sentence)}</p>'


def note(sentence: str) -> str:
    """What is good to know about it."""
    return f'<p class="small">{escape(sentence)}</p>'


def missing(sentence: str) -> str:
    """What is not here, and why."""
    return f'<p class="missing">{escape(sentence)}</p>'


def heading(title: str) -> str:
    """A heading within a section."""
    return f"<h3>{escape(title)}</h3>"


def figure(svg: str) -> str:
    """A chart in its place."""
    return f"<figure>{svg}</figure>"


def table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[object]], *, look: Iterable[int] = ()
) -> str:
    """Numbers below each other; rows in `look` are those that somebody should look at."""
    marked = set(look)
    names = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    body = "".join(
        f"<tr{MARKED if place in marked else ''}>"
        + "".join(f"<td>{escape(_shown(cell))}</td>" for cell in row)
        + "</tr>"
        for place, row in enumerate(rows)
    )
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def page(say: Voice, title: str, introduction: str, sections: Sequence[Section]) -> str:
    """The whole page. Its policy keeps browsers from fetching or running anything."""
    links = "".join(f'<a href="#{each.key}">{escape(each.title)}</a>' for each in sections)
    bodies = "".join(
        f'<section id="{each.key}"><h2>{escape(each.title)}</h2>{each.body}</section>' for each in sections
    )
    return (
        f'<!doctype html><html lang="{"zh-CN" if say.locale == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><header><h1>{escape(title)}</h1>"
        f"<p>{escape(introduction)}</p><nav>{links}</nav></header><main>{bodies}</main></body></html>\n"
    )


def percent(bp: int) -> str:
    """Basis points as people read them."""
    return f"{bp / 100:.1f} %"


def _shown(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
