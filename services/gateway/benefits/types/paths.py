"""What the graph shows of the ways to a tier: what to do, what stands against it, what keeps one."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from datetime import date, datetime

import strawberry

from laurel.benefits.v1 import decisions_pb2 as pb
from laurel.scoring.v1 import explanations_pb2
from libs.common.conditions import MONEY_METRICS
from libs.common.program import Program
from libs.common.program_words import Words
from libs.common.step_texts import obstacle_text, step_text, steps_text
from libs.common.texts import Locale as Language
from services.gateway.benefits.documents import parsed
from services.gateway.benefits.types.decisions import live_program
from services.gateway.benefits.types.tier_sets import Tier, tier_of
from services.gateway.context import Context, Info
from services.gateway.languages import InLocale, language_of
from services.gateway.sources import loaded
from services.gateway.values import Fact, Long, facts_of, time_of


@strawberry.type(description="How much more of one thing to do.")
class PathStep:
    metric: str = strawberry.field(description="What is done, such as `spend`.")
    amount: Long = strawberry.field(
        description="How much more; money in minor units of the program's currency."
    )
    by_date: date | None = strawberry.field(description="The last day on which it counts.")

    @strawberry.field(description="The currency of the amount; null where it is a count.")
    async def currency(self, info: Info) -> str | None:
        return await _currency(info, self.metric) or None

    @strawberry.field(description="The step in words, such as `spend $200.00 more`.")
    async def text(self, info: Info, locale: InLocale = None) -> str:
        currency = await _currency(info, self.metric)
        return step_text(self.metric, str(self.amount), currency, language_of(locale))


@strawberry.type(description="Things that bring a tier about together.")
class TierPath:
    steps: list[PathStep] = strawberry.field(description="What to do more of.")
    cost: Long = strawberry.field(
        description="What it costs, on the program's own scale: that of the actions of the ladder."
    )

    @strawberry.field(description="All of it in words, such as `spend $200.00 more and place 1 more order`.")
    async def text(self, info: Info, locale: InLocale = None) -> str:
        program = await live_program(info)
        steps = {step.metric: int(step.amount) for step in self.steps}
        return steps_text(steps, "" if program is None else program.currency, language_of(locale))


@strawberry.type(description="One thing that stands against an alternative.")
class TierObstacle:
    code: str = strawberry.field(
        description=(
            "`NO_ACTION`: nothing that a member does changes it. `TOO_LATE`: it takes more days than there "
            "are. `TOO_MUCH`: there is more than is allowed. `MONTHS_OVER`: it is counted over past months."
        )
    )
    metric: str = strawberry.field(description="What is measured.")
    window: str = strawberry.field(description="The time that counts.")
    value: Long = strawberry.field(description="What there will be.")
    at_least: Long | None = strawberry.field(
        description="The least that is asked; null without such a bound."
    )
    at_most: Long | None = strawberry.field(
        description="The most that is allowed; null without such a bound."
    )

    @strawberry.field(description="The obstacle as a sentence for people.")
    async def text(self, info: Info, locale: InLocale = None) -> str:
        program, language = await live_program(info), language_of(locale)
        name = self.metric if program is None else _name(program, self.metric, self.window, language)
        return obstacle_text(
            self.code,
            name,
            value=int(self.value),
            at_least=None if self.at_least is None else int(self.at_least),
            at_most=None if self.at_most is None else int(self.at_most),
            currency=await _currency(info, self.metric),
            locale=language,
        )


@strawberry.type(description="Why one alternative cannot be done.")
class TierObstacles:
    obstacles: list[TierObstacle] = strawberry.field(description="All that stands against it.")


@strawberry.type(description="What reaches a tier, or keeps one, the cheapest first.")
class TierPaths:
    tier_set: strawberry.Private[str]
    target_tier_key: str = strawberry.field(description="Key of the tier that is looked for.")
    by_time: datetime | None = strawberry.field(description="By when.")
    met: bool = strawberry.field(description="Nothing more has to be done.")
    paths: list[TierPath] = strawberry.field(description="What may be done; any one of them is enough.")
    obstacles: list[TierObstacles] = strawberry.field(
        description="Why other alternatives cannot be done, each."
    )
    exhaustive: bool = strawberry.field(
        description="Whether every alternative was looked at; a program can ask for too many."
    )

    @loaded(
        Tier | None,
        lambda context: context.benefits.program,
        lambda held, live: tier_of(parsed(live.document), tier_set=held.tier_set, tier=held.target_tier_key),
        description="The tier; null when the live program does not have it.",
    )
    def target_tier(self, context: Context) -> str:
        return context.program_id


@strawberry.type(description="Facts that change on a day if nothing more is done.")
class FactChange:
    day: date | None = strawberry.field(description="From which day on.")
    facts: list[Fact] = strawberry.field(description="What they are then.")


@strawberry.type(description="What keeps a tier at its review, and what stops counting until then.")
class Keeping:
    tier_set: strawberry.Private[str]
    tier_key: str = strawberry.field(description="Key of the tier that was earned.")
    review_time: datetime | None = strawberry.field(
        description="When it is looked at again; null where it never is, and nothing has to be done."
    )
    paths: TierPaths | None = strawberry.field(description="What keeps it then; null without a review.")
    changes: list[FactChange] = strawberry.field(
        description="The facts of its rules as they change by themselves until then, 400 days at most."
    )

    @loaded(
        Tier | None,
        lambda context: context.benefits.program,
        lambda held, live: tier_of(parsed(live.document), tier_set=held.tier_set, tier=held.tier_key),
        description="The tier; null when the live program no longer has it.",
    )
    def tier(self, context: Context) -> str:
        return context.program_id


def paths_of(tier_set: str, message: pb.FindPathsResponse) -> TierPaths:
    """What reaches a tier, as the graph shows it."""
    return _paths(tier_set, message.found, time_of(message, "by_time"))


def keeping_of(tier_set: str, message: pb.GetKeepingResponse) -> Keeping:
    """What keeps a tier, as the graph shows it."""
    review_time = time_of(message, "review_time")
    return Keeping(
        tier_set=tier_set,
        tier_key=message.tier,
        review_time=review_time,
        paths=_paths(tier_set, message.found, review_time) if message.HasField("found") else None,
        changes=[
            FactChange(day=_date(change.date), facts=facts_of(change.facts)) for change in message.changes
        ],
    )


def _paths(
    tier_set: str, found: explanations_pb2.FindTierPathsResponse, by_time: datetime | None
) -> TierPaths:
    return TierPaths(
        tier_set=tier_set,
        target_tier_key=found.target_tier,
        by_time=by_time,
        met=found.met,
        paths=[_path(path) for path in found.paths],
        obstacles=[
            TierObstacles(obstacles=[_obstacle(each) for each in alternative.obstacles])
            for alternative in found.obstacles
        ],
        exhaustive=found.exhaustive,
    )


def _path(path: explanations_pb2.TierPath) -> TierPath:
    steps = [
        PathStep(metric=step.metric, amount=Long(step.amount), by_date=_date(step.by_date))
        for step in path.steps
    ]
    return TierPath(steps=steps, cost=Long(path.cost))


def _obstacle(obstacle: explanations_pb2.TierObstacle) -> TierObstacle:
    return TierObstacle(
        code=obstacle.code,
        metric=obstacle.metric,
        window=obstacle.window,
        value=Long(obstacle.value),
        at_least=Long(obstacle.at_least) if obstacle.HasField("at_least") else None,
        at_most=Long(obstacle.at_most) if obstacle.HasField("at_most") else None,
    )


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _name(program: Program, metric: str, window: str, language: Language) -> str:
    return Words.of(program, window, language).metric(metric, window)


async def _currency(info: Info, metric: str) -> str:
    """The currency of a metric of money, nothing where it is a count."""
    program = await live_program(info) if metric in MONEY_METRICS else None
    return "" if program is None else program.currency
