"""Decisions explained, on the terminal: why a tier is held, what reaches one, what keeps one."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from laurel.benefits.v1 import benefits_pb2, decisions_pb2, earning_pb2
from laurel.scoring.v1 import explanations_pb2, receipts_pb2
from libs.common.conditions import MONEY_METRICS
from libs.common.program import Program
from libs.common.program_words import Words
from libs.common.rpc.time import moment
from libs.common.step_texts import obstacle_text, steps_text
from libs.common.texts import Locale, operator_name, render, shown_amount
from libs.common.tier_policy import TierSet
from libs.common.windows import LIFETIME

Shown = Iterator[Table | str]


def of_decision(
    program: Program, decision: benefits_pb2.Decision, replay: explanations_pb2.Replay, locale: Locale
) -> Shown:
    """What was decided and why, each condition as it was found, and whether it comes out the same again."""
    receipt, names = decision.receipt, tier_names(program, decision.receipt.tier_set, locale)
    outcome = receipts_pb2.TierOutcome.Name(receipt.outcome).removeprefix("TIER_OUTCOME_").lower()
    before, after = (names.get(tier, tier) for tier in (receipt.from_tier, receipt.to_tier))
    time = _time(receipt.as_of, ZoneInfo(program.time_zone))
    moved = f"{before} → {after}" if before and before != after else after
    yield f"[bold]{escape(moved)}[/] ({outcome}), {time}, version {receipt.program_version}"
    for text in reasons(program, receipt, locale):
        yield f"  {escape(text)}"
    yield _rules(program, receipt, names, locale)
    yield from _replayed(replay)


def reasons(program: Program, receipt: receipts_pb2.Receipt, locale: Locale) -> list[str]:
    """Why, in words."""
    names = tier_names(program, receipt.tier_set, locale)
    return [render(each.code, each.params, locale, names) for each in receipt.reasons]


def of_paths(
    program: Program, ladder: TierSet, found: decisions_pb2.FindPathsResponse, locale: Locale
) -> Shown:
    """The ways to a tier, the cheapest first."""
    tier = tier_names(program, ladder.key, locale).get(found.found.target_tier, found.found.target_tier)
    by = _time(found.by_time, ZoneInfo(program.time_zone))
    yield from _ways(program, found.found, f"{tier} by {by}", locale)


def of_keeping(
    program: Program, ladder: TierSet, kept: decisions_pb2.GetKeepingResponse, locale: Locale
) -> Shown:
    """What keeps a tier at its review, and which facts change until then."""
    tier = tier_names(program, ladder.key, locale).get(kept.tier, kept.tier)
    if not kept.HasField("review_time"):
        yield f"[green]{escape(tier)} is not looked at again: nothing has to be done.[/]"
        return
    review = _time(kept.review_time, ZoneInfo(program.time_zone))
    yield from _ways(program, kept.found, f"{tier} at the review of {review}", locale)
    table = _table("Counts from that day on, if nothing more is done", "day", "facts")
    words = Words.of(program, LIFETIME, locale)
    for change in kept.changes:
        table.add_row(change.date, escape(words.facts({fact.name: fact.value for fact in change.facts})))
    if kept.changes:
        yield table


def of_order(program: Program, preview: earning_pb2.PointsPreview, locale: Locale) -> Shown:
    """What a purchase would earn by each rule, and what it would do to tiers."""
    yield f"[bold]{preview.points:,} points[/], counted at {_name(program, preview.tier, locale)}"
    table = _table("Rules of earning", "rule", "points", "why not more")
    table.columns[1].justify = "right"
    for rule in preview.rules:
        reason = render(rule.reason.code, rule.reason.params, locale) if rule.reason.code else ""
        table.add_row(rule.rule, f"{rule.points:,}", escape(reason), style="" if rule.points else "dim")
    yield table
    if not preview.tiers:
        yield "[yellow]What becomes of the tier cannot be told now: ask again, or after the next review.[/]"
    for each in preview.tiers:
        names = tier_names(program, each.tier_set, locale)
        before, after = (names.get(tier, tier) for tier in (each.tier, each.tier_after))
        moved = f"{before} → {after}" if before != after else f"stays {after}"
        yield f"[bold]{escape(each.tier_set)}: {escape(moved)}[/]"
        for why in each.reasons:
            yield f"  {escape(render(why.code, why.params, locale, names))}"


def path_text(program: Program, path: explanations_pb2.TierPath, locale: Locale) -> str:
    """All that one path asks for."""
    return steps_text({step.metric: step.amount for step in path.steps}, program.currency, locale)


def _name(program: Program, tier: str, locale: Locale) -> str:
    """A tier of the first ladder by its name."""
    return escape(tier_names(program, program.tier_sets[0].key, locale).get(tier, tier))


def tier_names(program: Program, tier_set: str, locale: Locale) -> Mapping[str, str]:
    """The names of a ladder's tiers, by key."""
    tiers = next((each.tiers for each in program.tier_sets if each.key == tier_set), ())
    return {tier.key: getattr(tier.name, locale) for tier in tiers}


def _ways(
    program: Program, found: explanations_pb2.FindTierPathsResponse, title: str, locale: Locale
) -> Shown:
    if found.met:
        yield f"[green]{escape(title)}: nothing more has to be done.[/]"
        return
    if found.paths:
        table = _table(escape(title), "any of", "until", "cost")
        table.columns[2].justify = "right"
        for path in found.paths:
            until = max((step.by_date for step in path.steps), default="")
            table.add_row(escape(path_text(program, path, locale)), until, f"{path.cost:,}", style="green")
        yield table
    else:
        yield f"[red]{escape(title)}: there is no way.[/]"
    if found.obstacles:
        table = _table("What cannot be done", "because")
        for alternative in found.obstacles:
            texts = [_obstacle(program, each, locale) for each in alternative.obstacles]
            table.add_row(escape("\n".join(texts)), style="yellow")
        yield table
    if not found.exhaustive:
        yield "[yellow]There are more alternatives than were looked at.[/]"


def _obstacle(program: Program, obstacle: explanations_pb2.TierObstacle, locale: Locale) -> str:
    return obstacle_text(
        obstacle.code,
        Words.of(program, LIFETIME, locale).metric(obstacle.metric, obstacle.window),
        value=obstacle.value,
        at_least=obstacle.at_least if obstacle.HasField("at_least") else None,
        at_most=obstacle.at_most if obstacle.HasField("at_most") else None,
        currency=program.currency if obstacle.metric in MONEY_METRICS else "",
        locale=locale,
    )


def _rules(
    program: Program, receipt: receipts_pb2.Receipt, names: Mapping[str, str], locale: Locale
) -> Table:
    table = _table("Conditions", "tier", "what is asked", "there was", "met")
    table.columns[2].justify = "right"
    words = Words.of(program, LIFETIME, locale)
    for rule in receipt.rules:
        currency = program.currency if rule.metric in MONEY_METRICS else ""
        asked, was = (shown_amount(str(each), currency, locale) for each in (rule.threshold, rule.value))
        name = words.metric(rule.metric, rule.fact.rpartition(".")[2])
        keep = " (keep)" if rule.path.startswith("keep") else ""
        table.add_row(
            escape(names.get(rule.tier, rule.tier) + keep),
            escape(f"{name} {operator_name(rule.op, locale)} {asked}"),
            escape(was),
            "[green]yes[/]" if rule.met else "[red]no[/]",
        )
    return table


def _replayed(replay: explanations_pb2.Replay) -> Shown:
    if replay.same:
        yield "[green]Decided again by the same version, the same bits come out.[/]"
        return
    yield "[bold red]Decided again, something else comes out: what is stored was changed.[/]"
    table = _table("Differences, inputs first", "where", "stored", "decided again")
    for each in replay.differences:
        table.add_row(*map(escape, (each.path, each.was, getattr(each, "is"))))
    yield table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _time(time: Timestamp, zone: ZoneInfo) -> str:
    at: datetime = moment(time).astimezone(zone)
    return f"{at:%Y-%m-%d %H:%M}"


def texts_of(found: explanations_pb2.FindTierPathsResponse, program: Program) -> Sequence[Mapping[str, str]]:
    """Each path in both languages, for programs."""
    return [{locale: path_text(program, path, locale) for locale in ("zh", "en")} for path in found.paths]
