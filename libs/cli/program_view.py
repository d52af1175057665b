"""Tables of programs: their tiers, what lint says of them, what differs between two."""

from collections.abc import Iterator, Sequence

from rich.markup import escape
from rich.table import Table

from libs.common.documents import WHOLE_BP, Text
from libs.common.lint.findings import SEVERITIES, Finding, Severity
from libs.common.movement_words import entry_text, movement_text
from libs.common.program import Program, preset, preset_names
from libs.common.program_diff import Change
from libs.common.program_modifiers import AddedPath, Modifier, modifier, modifier_names
from libs.common.program_words import Words
from libs.common.segment_sets import SegmentSet, segment_set, segment_set_names
from libs.common.texts import Locale
from libs.common.tier_policy import Tier, TierSet

COLOURS: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_MEANT = {
    "harder": "red",
    "easier": "green",
    "benefits": "magenta",
    "money": "yellow",
    "texts": "cyan",
    "other": "white",
}
_PERCENT_BP = 100


def shipped() -> Table:
    """Everything that is shipped, by name."""
    table = Table(title="Shipped by name", title_justify="left")
    table.add_column("name", no_wrap=True)
    for column in ("in Chinese", "in English", "tiers"):
        table.add_column(column, overflow="fold")
    for name in preset_names():
        found = preset(name)
        tiers = ", ".join(tier.name.en for each in found.tier_sets for tier in each.tiers)
        table.add_row(name, found.name.zh, found.name.en, tiers)
    table.add_section()
    for name in modifier_names():
        each = modifier(name)
        table.add_row(name, each.name.zh, each.name.en, _modifies(each))
    for name in segment_set_names():
        kinds = segment_set(name)
        segments = ", ".join(segment.name.en for segment in kinds.segments)
        table.add_row(name, kinds.name.zh, kinds.name.en, f"segments: {segments}")
    return table


def of_program(program: Program, locale: Locale) -> Iterator[Table]:
    """The tiers of a program, ladder by ladder, what else it says of itself, and what is sold."""
    for tier_set in program.tier_sets:
        yield _of_ladder(program, tier_set, locale)
        for variant in tier_set.variants:
            title = f"{_in(variant.name, locale)}: {', '.join(variant.stores)}"
            yield _of_ladder(program, tier_set.in_variant(variant.key), locale, title)
    rows = [*_charter(program, locale)]
    if rows:
        table = _table("Beside its tiers", "what", "value")
        for row in rows:
            table.add_row(*map(escape, row))
        yield table


def _of_ladder(program: Program, tier_set: TierSet, locale: Locale, title: str = "") -> Table:
    words = Words.of(program, tier_set.window, locale)
    named = f"{_in(tier_set.name, locale)} ({tier_set.key})"
    table = _table(escape(title or named), "tier", "is reached by", "adds")
    for place, tier in enumerate(tier_set.tiers):
        name = f"{_in(tier.name, locale)}\n{tier.key}" + (f" < {tier.parent}" if tier.parent else "")
        added = "\n".join(_added(tier, locale))
        table.add_row(escape(name), escape(_reached(tier, place, words)), escape(added))
    return table


def _added(tier: Tier, locale: Locale) -> Iterator[str]:
    """What a tier adds, numbers first."""
    if tier.multiplier_bp != WHOLE_BP:
        yield f"points x {tier.multiplier_bp / WHOLE_BP:g}"
    if tier.discount_bp != WHOLE_BP:
        yield f"{tier.discount_bp / _PERCENT_BP:g} % of prices"
    if tier.reward_points:
        yield f"{tier.reward_points:,} points, once"
    yield from (_in(grant.name, locale) for grant in tier.benefits)


def _reached(tier: Tier, place: int, words: Words) -> str:
    kept = "" if tier.keep is None else f"\nkept by: {words.condition(tier.keep)}"
    return entry_text(tier, place, words) + kept


def _charter(program: Program, locale: Locale) -> Iterator[tuple[str, str]]:
    for tier_set in program.tier_sets:
        yield f"{tier_set.key}: movement", movement_text(tier_set.movement, locale)
        for season in tier_set.seasons:
            share = f"{season.factor_bp / _PERCENT_BP:g} % of thresholds of money"
            days = f"{season.from_time.date()} to {season.to_time.date()}"
            yield f"{tier_set.key}: {_in(season.name, locale)}", f"{days}, {share}"
    for what, places in (("brands", program.scope.brands), ("stores", program.scope.stores)):
        if places:
            yield f"scope: {what}", ", ".join(places)
    if program.scope.regions:
        yield "scope: regions", ", ".join(program.scope.regions)
    for key, name in (*program.labels.lifecycle.items(), *program.labels.segments.items()):
        yield f"label: {key}", _in(name, locale)
    for kpi in program.kpis:
        aim = f"{kpi.metric} {kpi.op} {kpi.value_bp / _PERCENT_BP:g} %, else {kpi.action}"
        yield f"KPI: {_in(kpi.name, locale)}", aim if kpi.tier is None else f"{kpi.tier}: {aim}"
    if program.referral is not None:
        rates = ", ".join(f"{rate / _PERCENT_BP:g} %" for rate in program.referral.rates_bp)
        yield "referral, by level", rates
    if program.calibration is not None:
        yield "cut-offs are looked at", f"{program.calibration.cadence}, by {program.calibration.optimiser}"
    for plan in program.contracts.plans:
        words = Words.of(program, "lifetime", locale)
        term = "for life" if plan.lifetime else f"for {plan.term_months} months"
        yield f"sold: {_in(plan.name, locale)}", f"{words.money(plan.amount_minor)} {term}"


def _modifies(found: Modifier) -> str:
    return "a path beside any tiers" if isinstance(found, AddedPath) else "modifier of any tiers"


def of_modifier(found: Modifier, locale: Locale) -> Table:
    """The groups of a modifier, or the nodes of its path."""
    if isinstance(found, AddedPath):
        table = _table(_in(found.name, locale), "node", "gives")
        for tier in found.tier_set.tiers:
            table.add_row(_in(tier.name, locale), "\n".join(_added(tier, locale)))
        return table
    table = _table(_in(found.name, locale), "group", "tiers", f"{found.metric}, {found.window}")
    for group in found.groups:
        tiers = "all that are left" if group.tiers is None else f"the highest {group.tiers}"
        table.add_row(_in(group.name, locale), tiers, f"at least {group.value:,} in minor units")
    return table


def of_segments(found: SegmentSet, locale: Locale) -> Table:
    """The segments of a set, and what is theirs."""
    table = _table(_in(found.name, locale), "segment", "has")
    for segment in found.segments:
        table.add_row(
            _in(segment.name, locale), "\n".join(_in(each.name, locale) for each in segment.benefits)
        )
    return table


def of_findings(program: Program, found: Sequence[Finding], locale: Locale) -> Table:
    """What lint says, the gravest first, with the facts that show it."""
    table = _table(f"Lint of {program.key}", "", "where", "what")
    for each in found:
        shown = "" if each.witness is None else f"\n{_shows(program, each, locale)}"
        colour = COLOURS[each.severity]
        told = escape(each.text(locale)) + f"[dim]{escape(shown)}[/dim]"
        table.add_row(
            f"[{colour}]{each.severity}[/{colour}]", f"{escape(each.path)}\n[dim]{each.code}[/dim]", told
        )
    return table


def counted(found: Sequence[Finding]) -> str:
    """How many findings there are of each severity, such as `1 error, 0 warnings, 2 notes`."""
    counts = [(sum(each.severity == severity for each in found), severity) for severity in SEVERITIES]
    return ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for count, severity in counts)


def _shows(program: Program, finding: Finding, locale: Locale) -> str:
    words = Words.of(program, "lifetime", locale).facts(finding.witness or {})
    return f"例如：{words}" if locale == "zh" else f"such as: {words}"


def of_changes(found: Sequence[Change], locale: Locale) -> Table:
    """What differs, by what it means for members."""
    table = _table("What differs", "for members", "where", "before", "after")
    meaning = ""
    for each in found:
        if meaning and each.meaning != meaning:
            table.add_section()
        meaning = each.meaning
        cells = [
            escape(each.path),
            *(("-" if one is None else escape(one[locale])) for one in (each.before, each.after)),
        ]
        colour = _MEANT[meaning]
        table.add_row(f"[{colour}]{meaning}[/{colour}]", *cells)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _in(text: Text, locale: Locale) -> str:
    return text.zh if locale == "zh" else text.en
