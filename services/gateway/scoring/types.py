"""What the graph shows of scores."""

import strawberry

from laurel.scoring.v1 import scoring_pb2 as pb
from services.gateway.values import Long


@strawberry.type(
    description="One part of a score: a fact, where it falls on its scale, and what that is worth."
)
class Contribution:
    factor: str = strawberry.field(description="What is measured, such as `recency`.")
    fact: str = strawberry.field(description="Name of the fact that it reads.")
    value: Long = strawberry.field(description="Value of the fact.")
    score: int = strawberry.field(description="Points on the factor's own scale, 1 to 5 for RFM.")
    weight_bp: int = strawberry.field(description="Weight of the factor in basis points.")
    contribution_bp: Long = strawberry.field(
        description="Score times weight; the contributions add up to the score."
    )
    cuts: list[Long] = strawberry.field(description="Cut points of the factor's scale, ascending.")


@strawberry.type(description="A score with everything that it is made of.")
class Score:
    name: str = strawberry.field(description="Which score, such as `rfm`.")
    value_bp: Long | None = strawberry.field(
        description="In basis points of the scale's unit: 36000 is 3.6. Null when `absentReason` says why."
    )
    label: str | None = strawberry.field(
        description="Key of the label that it falls in, such as `high_value`."
    )
    policy_version: str = strawberry.field(description="Version of the policy or model that scored.")
    contributions: list[Contribution] = strawberry.field(description="What it is made of.")
    absent_reason: str | None = strawberry.field(description="Why there is no score, such as `NO_PURCHASES`.")


def score_of(score: pb.Score) -> Score:
    """A score as the graph shows it."""
    return Score(
        name=score.name,
        value_bp=Long(score.value_bp) if score.HasField("value_bp") else None,
        label=score.label or None,
        policy_version=score.policy_version,
        contributions=[_contribution(each) for each in score.contributions],
        absent_reason=score.absent_reason or None,
    )


def _contribution(contribution: pb.Contribution) -> Contribution:
    return Contribution(
        factor=contribution.factor,
        fact=contribution.fact,
        value=Long(contribution.value),
        score=contribution.score,
        weight_bp=contribution.weight_bp,
        contribution_bp=Long(contribution.contribution_bp),
        cuts=[Long(cut) for cut in contribution.cuts],
    )
