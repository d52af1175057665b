"""What the graph shows of scores."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Mapping

import strawberry

from laurel.benefits.v1 import benefits_pb2
from laurel.scoring.v1 import models_pb2
from laurel.scoring.v1 import scoring_pb2 as pb
from libs.common.documents import Text
from libs.common.score_policy import Rfm, Scorecard
from libs.common.texts import Locale as Language
from libs.common.texts import render
from services.gateway.benefits.documents import parsed
from services.gateway.benefits.types.benefit_terms import name_of
from services.gateway.context import Context, Info
from services.gateway.languages import InLocale, language_of
from services.gateway.scoring.loaders import ToldScore
from services.gateway.sources import loaded
from services.gateway.values import LocalName, Long, NamedText, texts_of

KIND_NAMES = {
    "churn": LocalName(zh="流失风险", en="Risk of leaving"),
    "lifetime_value": LocalName(zh="生命周期价值", en="Lifetime value"),
    "value_segment": LocalName(zh="价值分群", en="Value segment"),
}


@strawberry.type(
    description="One part of a score: a fact, where it falls on its scale, and what that is worth."
)
class Contribution:
    factor: str = strawberry.field(description="What is measured, such as `recency`.")
    fact: str = strawberry.field(description="Name of the fact that it reads.")
    value: Long = strawberry.field(description="Value of the fact.")
    missing: bool = strawberry.field(description="Whether there is no such fact; its value is 0 then.")
    score: int = strawberry.field(
        description="Points on the factor's own scale, 1 to 5 for RFM and 0 to 100 of a scorecard."
    )
    decay_bp: int = strawberry.field(description="What age left of the points, in basis points.")
    weight_bp: int = strawberry.field(description="Weight of the factor in basis points.")
    contribution_bp: Long = strawberry.field(
        description="What it adds to the score; the contributions add up to it."
    )
    most_bp: Long = strawberry.field(description="What it would add at its best.")
    cuts: list[Long] = strawberry.field(
        description="Cut points of the factor's scale, ascending; of a line its ends, of an S its midpoint."
    )

    @strawberry.field(
        description="How far each of `cuts` is above the value: 0 where the value is at it, which counts as "
        "below, negative where it is beyond. Empty where the fact is missing."
    )
    def distances(self) -> list[Long]:
        return [] if self.missing else [Long(cut - self.value) for cut in self.cuts]


@strawberry.type(description="Why a score is what it is.")
class ScoreReason:
    score: strawberry.Private[str]
    is_of_model: strawberry.Private[bool]
    code: str = strawberry.field(description="Code for programs, such as `SCORE_HELD_BACK_BY`.")
    params: list[NamedText] = strawberry.field(description="What the text speaks of, by name.")

    @strawberry.field(description="The reason as a sentence for people.")
    async def text(
        self,
        info: Info,
        locale: InLocale = None,
    ) -> str:
        language = language_of(locale)
        params = {each.name: each.value for each in self.params}
        policy = None if self.is_of_model else await _policy(info, self.score)
        if policy is not None:
            labels = {label.key: label.name for label in policy.labels}
            params |= _named("factor", params, policy.factor_names, language)
            params |= _named("label", params, labels, language)
        return render(self.code, params, language)


@strawberry.type(description="A score with everything that it is made of.")
class Score:
    message: strawberry.Private[pb.Score]
    model: strawberry.Private[models_pb2.ServingModel | None]
    name: str = strawberry.field(
        description="Which score, such as `rfm`, the key of a scorecard, or the kind of a model: `churn`."
    )

    @strawberry.field(
        description="In basis points of the scale's unit: 36000 is 3.6. Null when `absentReason` says why."
    )
    def value_bp(self) -> Long | None:
        return Long(self.message.value_bp) if self.message.HasField("value_bp") else None

    label: str | None = strawberry.field(
        description="Key of the label that it falls in, such as `high_value`."
    )

    @strawberry.field(description="The lower bound that the value is likely above, where a model tells one.")
    def low_bp(self) -> Long | None:
        return Long(self.message.low_bp) if self.message.HasField("low_bp") else None

    @strawberry.field(description="The upper bound, likewise.")
    def high_bp(self) -> Long | None:
        return Long(self.message.high_bp) if self.message.HasField("high_bp") else None

    @strawberry.field(description="Version of the policy or model that scored, such as `churn/3`.")
    def policy_version(self) -> str:
        return self.message.policy_version

    @strawberry.field(description="Why there is no score, such as `NO_PURCHASES`.")
    def absent_reason(self) -> str | None:
        return self.message.absent_reason or None

    @strawberry.field(description="What it is made of.")
    def contributions(self) -> list[Contribution]:
        return [_contribution(each) for each in self.message.contributions]

    @strawberry.field(
        description="What gives most, what holds it back, what age takes, what the next label lacks."
    )
    def reasons(self) -> list[ScoreReason]:
        return [
            ScoreReason(
                score=self.name,
                is_of_model=self.model is not None,
                code=each.code,
                params=texts_of(each.params),
            )
            for each in self.message.reasons
        ]

    @loaded(
        LocalName | None,
        lambda context: context.benefits.program,
        lambda score, live: _title(live, score),
        description="What the score is called, by the live version of the program or by its model.",
    )
    def title(self, context: Context) -> str:
        return context.program_id

    @loaded(
        LocalName | None,
        lambda context: context.benefits.program,
        lambda score, live: _label_name(live, score),
        description="What its label is called, by the live version of the program or by its model.",
    )
    def label_name(self, context: Context) -> str:
        return context.program_id


def score_of(told: ToldScore) -> Score:
    """A score as the graph shows it."""
    score, model = told
    return Score(message=score, model=model, name=score.name, label=score.label or None)


def _contribution(contribution: pb.Contribution) -> Contribution:
    return Contribution(
        factor=contribution.factor,
        fact=contribution.fact,
        value=Long(contribution.value),
        missing=contribution.missing,
        score=contribution.score,
        decay_bp=contribution.decay_bp,
        weight_bp=contribution.weight_bp,
        contribution_bp=Long(contribution.contribution_bp),
        most_bp=Long(contribution.most_bp),
        cuts=[Long(cut) for cut in contribution.cuts],
    )


async def _policy(info: Info, score: str) -> Rfm | Scorecard | None:
    live = await info.context.benefits.program.load(info.context.program_id)
    return None if live is None else _policy_in(live, score)


def _policy_in(live: benefits_pb2.Program, score: str) -> Rfm | Scorecard | None:
    return parsed(live.document).score_policies.get(score)


def _title(live: benefits_pb2.Program, score: Score) -> LocalName | None:
    if score.model is not None:
        return KIND_NAMES.get(score.model.kind)
    policy = _policy_in(live, score.name)
    return None if policy is None else name_of(policy.name)


def _label_name(live: benefits_pb2.Program, score: Score) -> LocalName | None:
    if score.model is not None:
        named = (each for each in score.model.labels if each.key == score.label)
        return next((LocalName(zh=each.name_zh, en=each.name_en) for each in named), None)
    policy = _policy_in(live, score.name)
    labels = () if policy is None else policy.labels
    return next((name_of(label.name) for label in labels if label.key == score.label), None)


def _named(
    param: str, params: Mapping[str, str], names: Mapping[str, Text], language: Language
) -> dict[str, str]:
    """The parameter by its name, where it has one."""
    name = names.get(params.get(param, ""))
    return {} if name is None else {param: getattr(name, language)}
