"""Suggestions of thresholds on the wire."""

from laurel.benefits.v1 import thresholds_pb2 as pb
from laurel.benefits.v1.simulations_pb2 import SimulationAssumptions, SimulationRemark
from libs.common.plain import asdict
from libs.common.rpc.time import timestamp
from services.benefits.domain.threshold_choice import Figures, Step, Suggestion
from services.benefits.domain.threshold_results import Question, Suggestions
from services.benefits.domain.thresholds import LeftOut
from services.benefits.simulation_messages import assumptions_of, cost_message, return_message


def question_of(message: pb.SuggestThresholdsRequest) -> Question:
    """What somebody wants to know."""
    assumptions, assumed = assumptions_of(message.assumptions)
    return Question(
        program_id=message.program_id,
        tier_set=message.tier_set,
        tier=message.tier,
        condition=message.condition,
        factors_bp=tuple(message.factors_bp),
        months=message.months,
        assumptions=assumptions,
        assumed=assumed,
        members_max=message.members_max,
    )


def suggestions_message(found: Suggestions) -> pb.ThresholdSuggestions:
    """What came of it."""
    return pb.ThresholdSuggestions(
        program_id=found.live.program_id,
        live_version=found.live.program.version,
        live_digest=found.live.digest,
        dates=map(timestamp, found.dates),
        assumptions=SimulationAssumptions(**asdict(found.question.assumptions)),
        assumed=found.question.assumed,
        members_count=found.scale.total,
        sampled_count=found.scale.walked,
        currency=found.live.program.currency,
        expected_redemption_bp=found.expected.redeemed_bp,
        suggestions=map(_suggestion_message, found.suggestions),
        changed=found.changed,
        document=found.program.canonical(),
        note=found.note,
        remarks=[SimulationRemark(code=each.code, keys=each.keys) for each in found.remarks],
    )


def _suggestion_message(found: Suggestion) -> pb.ThresholdSuggestion:
    threshold = found.threshold
    return pb.ThresholdSuggestion(
        tier_set=threshold.tier_set,
        tier=threshold.tier,
        condition=threshold.path,
        metric=threshold.asked.metric,
        window=threshold.window,
        op=threshold.asked.op,
        live_value=threshold.asked.value,
        chosen_value=found.chosen_value,
        # The strictest comes by no step.
        candidates=[
            _candidate_message(each, step)
            for step, each in zip([None, *found.steps], found.figures, strict=True)
        ],
        left_out=map(_left_out_message, found.left_out),
    )


def _candidate_message(figures: Figures, step: Step | None) -> pb.ThresholdCandidate:
    return pb.ThresholdCandidate(
        value=figures.value,
        members_count=figures.members,
        gaining_count=figures.gaining,
        losing_count=figures.losing,
        cost=cost_message(figures.cost),
        low=return_message(figures.low),
        high=return_message(figures.high),
        net_minor=figures.net_minor,
        step=None if step is None else _step_message(step),
    )


def _step_message(step: Step) -> pb.ThresholdStep:
    return pb.ThresholdStep(
        added_count=step.added,
        margin_minor=step.margin_minor,
        cost_minor=step.cost_minor,
        net_minor=step.net_minor,
        net_per_member_minor=step.net_per_member_minor,
    )


def _left_out_message(left_out: LeftOut) -> pb.ThresholdLeftOut:
    return pb.ThresholdLeftOut(
        factor_bp=left_out.factor_bp,
        value=left_out.value,
        obstacle=pb.ThresholdObstacle.Value(f"THRESHOLD_OBSTACLE_{left_out.obstacle.name}"),
        detail=left_out.detail,
    )
