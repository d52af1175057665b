"""What the graph shows of ladders: what tiers ask, what keeps them, and when members move."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from datetime import datetime

import strawberry

from libs.common import movement_policy, tier_policy
from libs.common.conditions import TIER_METRICS, Asked, Condition, comparisons, fact_of
from libs.common.movement_words import entry_text, keep_text, movement_text
from libs.common.program import Program
from libs.common.program_words import Words
from libs.common.texts import Locale as Language
from services.gateway.benefits.types.benefit_terms import TierBenefit, grant_of, name_of
from services.gateway.languages import InLocale, language_of
from services.gateway.values import LocalName, Long


@strawberry.type(description="One thing that a tier asks of a member: a metric against a number.")
class EntryCondition:
    path: str = strawberry.field(
        description=(
            "Where it stands in the tier's rule, as in the rules of decisions: of conditions under one `any` "
            "one is enough, of those under one `all` each is needed; `entry` or `keep` is the only condition."
        )
    )
    metric: str = strawberry.field(description="What is measured, such as `spend`.")
    window: str | None = strawberry.field(
        description=(
            "The time that counts: `lifetime`, days such as `365d`, `month`, `quarter` or `year` so far, "
            "averages such as `month_avg_3`; null of a score, which is what it is now."
        )
    )
    fact: str = strawberry.field(description="Name of the fact that it reads.")
    op: str = strawberry.field(description="How it is compared: `>=`, `>`, `<=`, `<` or `==`.")
    value: Long = strawberry.field(
        description="What is asked; money in minor units of the program's currency."
    )


@strawberry.type(description="One step of a ladder.")
class Tier:
    program: strawberry.Private[Program]
    policy: strawberry.Private[tier_policy.Tier]
    ladder: strawberry.Private[tier_policy.TierSet]
    key: str = strawberry.field(description="Key, such as `gold`.")
    name: LocalName = strawberry.field(description="Name for people.")
    rank: int = strawberry.field(description="Place in the tier set, 1 is the lowest.")
    entry: list[EntryCondition] = strawberry.field(
        description="What it asks; empty for what everybody has from the start, and for what is only bought."
    )
    keep: list[EntryCondition] = strawberry.field(
        description="What keeps it at the end of a period; empty where that is its entry."
    )
    multiplier_bp: int = strawberry.field(
        description="What points are multiplied by, in basis points: 10000 is 1."
    )
    discount_bp: int = strawberry.field(
        description="What is paid of a price, in basis points: 9500 is 5 % off."
    )
    benefits: list[TierBenefit] = strawberry.field(
        description="Benefits that it adds; those of lower tiers are inherited."
    )
    kind: str | None = strawberry.field(
        description=(
            "What it goes by: `thresholds`, `score`, `segment`, `fee` where it is bought, or `invite_only` "
            "where staff give it; null of what everybody has from the start."
        )
    )
    reward_points: Long = strawberry.field(
        description="Points that are given to who reaches it, once; 0 for none."
    )
    parent: str | None = strawberry.field(description="Key of the tier that it is a part of, if it is one.")
    inherits: bool = strawberry.field(description="Whether it has the benefits of lower tiers, too.")

    @strawberry.field(description="How it is reached, in words: to be shown to members.")
    def entry_text(self, locale: InLocale = None) -> str:
        return entry_text(
            self.policy, self.rank - 1, Words.of(self.program, self.ladder.window, language_of(locale))
        )

    @strawberry.field(
        description="What keeps it at the end of a period, in words; empty where nothing has to."
    )
    def keep_text(self, locale: InLocale = None) -> str:
        words = Words.of(self.program, self.ladder.window, language_of(locale))
        return keep_text(self.policy, self.ladder.movement, words)


@strawberry.type(description="How long a tier is held before it is looked at again.")
class Period:
    kind: str = strawberry.field(
        description="To the end of the `month`, `quarter` or `year` of the calendar; or `rolling`."
    )
    more: int = strawberry.field(description="So many of the calendar's more, after the one that runs.")
    months: int | None = strawberry.field(
        description="Months from the day on which the tier was given, where it is `rolling`."
    )


@strawberry.type(description="When members move on a ladder.")
class Movement:
    policy: strawberry.Private[movement_policy.Movement]
    upgrade: str = strawberry.field(
        description="`realtime`, with the event that makes it; `scheduled`, at the end of a period."
    )
    downgrade: str = strawberry.field(
        description="`never`; at the end of a period to what is met (`period_end`), or down by `step_down`."
    )
    max_step_down: int = strawberry.field(description="By how many tiers `step_down` goes at most.")
    period: Period | None = strawberry.field(description="Null where tiers are never looked at again.")
    grace_days: int = strawberry.field(description="Days in which a tier that is not met may be met again.")
    new_version: str = strawberry.field(
        description="Who does not meet a tier by a new version: `keep` until the next review, or `apply`."
    )
    near_upgrade_bp: int = strawberry.field(
        description="From which part of the way on a member is near the next tier, in basis points."
    )

    @strawberry.field(description="All of it in words: to be shown to members.")
    def text(self, locale: InLocale = None) -> str:
        return movement_text(self.policy, language_of(locale))


@strawberry.type(description="A time, such as a great sale, in which another share of money is asked for.")
class Season:
    key: str = strawberry.field(description="Key, such as `autumn_sale`.")
    name: LocalName = strawberry.field(description="Name for people.")
    from_time: datetime = strawberry.field(description="From when.")
    to_time: datetime = strawberry.field(description="Until when.")
    factor_bp: int = strawberry.field(
        description="What thresholds of money are then, in basis points of what they are."
    )


@strawberry.type(description="A region: stores whose members reach and keep tiers by other rules.")
class Variant:
    key: str = strawberry.field(description="Key, such as `north`.")
    name: LocalName = strawberry.field(description="Name for people.")
    stores: list[str] = strawberry.field(description="Keys of its stores.")
    tiers: list[Tier] = strawberry.field(description="From the lowest to the highest, as they are there.")


@strawberry.type(description="Whom a growth path is for.")
class PathTerms:
    for_tiers: list[str] = strawberry.field(
        description="Keys of the tiers of the first ladder whose members are shown it; empty for all."
    )


@strawberry.type(description="A ladder of tiers on one basis.")
class TierSet:
    key: str = strawberry.field(description="Key, such as `main`.")
    name: LocalName = strawberry.field(description="Name for people.")
    window: str = strawberry.field(description="The time that counts, where a condition names no other.")
    tiers: list[Tier] = strawberry.field(description="From the lowest to the highest.")
    movement: Movement = strawberry.field(description="When members move on it.")
    seasons: list[Season] = strawberry.field(description="Times in which thresholds of money are others.")
    variants: list[Variant] = strawberry.field(description="Regions with other rules.")
    path: PathTerms | None = strawberry.field(
        description="That it is a growth path, whose tiers are tasks; null of other ladders."
    )


def tier_sets_of(program: Program) -> list[TierSet]:
    """The ladders of a program."""
    return [
        TierSet(
            key=each.key,
            name=name_of(each.name),
            window=each.window,
            tiers=_tiers(program, each),
            movement=_movement(each.movement),
            path=None if each.path is None else PathTerms(for_tiers=list(each.path.for_tiers)),
            seasons=[_season(season) for season in each.seasons],
            variants=[
                Variant(
                    key=variant.key,
                    name=name_of(variant.name),
                    stores=list(variant.stores),
                    tiers=_tiers(program, each.in_variant(variant.key)),
                )
                for variant in each.variants
            ],
        )
        for each in program.tier_sets
    ]


def tier_of(program: Program, *, tier_set: str, tier: str) -> Tier | None:
    """A tier of a program, None when this version does not have it."""
    for each in program.tier_sets:
        if each.key == tier_set:
            return next((step for step in _tiers(program, each) if step.key == tier), None)
    return None


def tier_names(program: Program, *, tier_set: str, language: Language) -> dict[str, str]:
    """The names of a tier set's tiers in one language, by key."""
    tiers = next((each.tiers for each in program.tier_sets if each.key == tier_set), ())
    return {tier.key: getattr(tier.name, language) for tier in tiers}


def _tiers(program: Program, tier_set: tier_policy.TierSet) -> list[Tier]:
    return [_tier(program, tier_set, tier, rank) for rank, tier in enumerate(tier_set.tiers, start=1)]


def _tier(program: Program, tier_set: tier_policy.TierSet, tier: tier_policy.Tier, rank: int) -> Tier:
    window = tier_set.window
    return Tier(
        program=program,
        ladder=tier_set,
        policy=tier,
        key=tier.key,
        name=name_of(tier.name),
        rank=rank,
        entry=_conditions(tier.entry, "", window),
        keep=_conditions(tier.keep, "keep", window),
        multiplier_bp=tier.multiplier_bp,
        discount_bp=tier.discount_bp,
        benefits=[grant_of(grant) for grant in tier.benefits],
        reward_points=Long(tier.reward_points),
        kind=tier.mode or (tier.kind if rank > 1 or tier.entry is not None else None),
        parent=tier.parent,
        inherits=tier.inherits,
    )


def _conditions(condition: Condition | None, rule: str, window: str) -> list[EntryCondition]:
    if condition is None:
        return []
    return [_condition(path, each, each.window or window) for path, each in comparisons(condition, rule)]


def _condition(path: str, asked: Asked, window: str) -> EntryCondition:
    return EntryCondition(
        path=path,
        metric=asked.metric,
        window=window if asked.metric in TIER_METRICS else None,
        fact=fact_of(asked.metric, window),
        op=asked.op,
        value=Long(asked.value),
    )


def _movement(movement: movement_policy.Movement) -> Movement:
    period = movement.period
    return Movement(
        policy=movement,
        upgrade=movement.upgrade,
        downgrade=movement.downgrade,
        max_step_down=movement.max_step_down,
        period=None if period is None else Period(kind=period.kind, more=period.more, months=period.months),
        grace_days=movement.grace_days,
        new_version=movement.new_version,
        near_upgrade_bp=movement.near_upgrade_bp,
    )


def _season(season: movement_policy.Season) -> Season:
    return Season(
        key=season.key,
        name=name_of(season.name),
        from_time=season.from_time,
        to_time=season.to_time,
        factor_bp=season.factor_bp,
    )
