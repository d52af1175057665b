"""`docs/access.md`: the policy table as a page for people.

`python -m libs.cli.access_page --write` writes it, `--check` fails when it is not current.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from libs.common.policy import PRINCIPALS, Rule, policy

PAGE = Path(__file__).parents[2] / "docs" / "access.md"
HEADINGS = {name: name.replace("_", " ") for name in PRINCIPALS}
INTRODUCTION = """# Who may do what

Generated from `libs/common/policy.yaml` by `make access`: edit the table, not this page.

Every call and every field has a row, and what has none is refused; a new RPC or field without a row fails
the build. The gateway looks at the table before it resolves a field, each service before it serves a call,
both by the caller's own identity. Staff with several roles get the widest of their cells.

| scope | whose records |
|---|---|
| self | the member's own |
| store | staff: members at home in one of their stores; partners: members whom they registered |
| group | as store, and the stores of their sharing groups |
| program | everything of their program |
| all | every program |

`•` after a scope: some texts come masked (`•••42`). Outside the scope a record is as if it were not there.
Audit: *act* leaves a record in the transaction of the act, *read* leaves one when staff read
([audit.md](audit.md)). Roles come with the token ([identity.md](identity.md)).

## Reveals

What leads from a member to a person, ids at partners and the birthday, all of the staff read as dots. Who
needs it whole asks for one member, and says why: `RevealMember`, in the graph `revealMember`. Each is
counted, 30 for one principal on a business day (`LAUREL_REVEALS_PER_DAY_MAX`), and leaves an audit record
with the reason. The same `requestId` is answered for five minutes, for a connection that broke; what was
shown is kept nowhere.

A **break-glass** is for who reads no personal data at all, and has to: a system administrator opens it with
a reason (`openBreakGlass`), and for half an hour (`LAUREL_BREAK_GLASS_SECONDS`, an hour at most) reveals
members by it, within the same count. Compliance officers get a [notice](notices.md) at once, with its id;
either of them sees which are open (`breakGlasses`), and ends one early (`endBreakGlass`). Its id stands in
the audit record of each reveal under it.
"""


def page() -> str:
    """The whole page."""
    table = policy()
    parts = [INTRODUCTION]
    for service, methods in groupby(table.rpcs.items(), key=lambda row: row[0].partition("/")[0]):
        rows = {f"`{method.partition('/')[2]}`": rule for method, rule in methods}
        parts.append(f"## {service.rpartition('.')[2]}\n\n{_table('RPC', rows, audit=True)}")
    parts.append(f"## The graph\n\n{_table('fields', _by_rule(table.graph), audit=False)}")
    return "\n".join(parts)


def _by_rule(graph: Mapping[str, Rule]) -> dict[str, Rule]:
    """The fields of a type that share a row, together."""
    together: dict[tuple[str, int], list[str]] = {}
    for field, rule in graph.items():
        together.setdefault((field.partition(".")[0], id(rule)), []).append(field)
    return {_names(fields): graph[fields[0]] for fields in together.values()}


def _names(fields: Iterable[str]) -> str:
    kind, names = "", []
    for field in fields:
        kind, _, name = field.partition(".")
        names.append(f"`{name}`")
    return f"**{kind}** {', '.join(names)}"


def _table(first: str, rows: Mapping[str, Rule], *, audit: bool) -> str:
    held = [name for name in PRINCIPALS if any(name in rule.grants for rule in rows.values())]
    heads = [first, *(HEADINGS[name] for name in held), *(["audit"] if audit else [])]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, rule in rows.items():
        cells = [_cell(rule, principal) for principal in held]
        told = [rule.audit if rule.audit != "none" else ""] if audit else []
        lines.append(f"| {' | '.join([name, *cells, *told])} |")
    return "\n".join(lines) + "\n"


def _cell(rule: Rule, principal: str) -> str:
    grant = rule.grants.get(principal)
    return "-" if grant is None else grant.scope + (" •" if grant.mask else "")


def is_current() -> bool:
    """Whether the committed page is the table's."""
    return PAGE.exists() and PAGE.read_text(encoding="utf-8") == page()


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write docs/access.md")
    what.add_argument("--check", action="store_true", help="fail when docs/access.md is not current")
    if parser.parse_args().write:
        PAGE.write_text(page(), encoding="utf-8")
    elif not is_current():
        sys.stderr.write("docs/access.md is not current: make access\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
