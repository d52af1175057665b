"""Between the proto messages about rewards and the domain."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType

from google.protobuf.timestamp_pb2 import Timestamp

from laurel.benefits.v1 import rewards_pb2 as pb
from libs.common.program import Program
from libs.common.rpc.time import moment, timestamp
from services.benefits.domain.redemptions import Redemption, RedemptionState
from services.benefits.domain.reward_obstacles import Obstacle
from services.benefits.domain.reward_texts import obstacle_text
from services.benefits.domain.reward_windows import Hours, Window
from services.benefits.domain.rewards import Limits, Reward, RewardKind, Terms

A_DAY_MINUTES = 24 * 60
KINDS = MappingProxyType({pb.RewardKind.Value(f"REWARD_KIND_{kind.upper()}"): kind for kind in RewardKind})
STATES = MappingProxyType(
    {pb.RedemptionState.Value(f"REDEMPTION_STATE_{state.upper()}"): state for state in RedemptionState}
)


def terms_of(message: pb.RewardTerms) -> Terms:
    """The terms that staff give a reward."""
    return Terms(
        kind=KINDS[message.kind],
        name=(message.name_zh, message.name_en),
        description=(message.description_zh, message.description_en),
        price_points=message.price_points,
        value_minor=message.value_minor,
        reserve_minutes=message.reserve_minutes or A_DAY_MINUTES,
        tier_set=message.tier_set,
        tier=message.tier,
        spend_min_minor=message.spend_min_minor,
        window=_window(message.window),
        limits=_limits(message.limits),
        point_type=message.point_type,
        coupon_campaign=message.coupon_campaign,
    )


def _limits(message: pb.RewardLimits) -> Limits:
    return Limits(**{field.name: value for field, value in message.ListFields()})


def _window(message: pb.RewardWindow) -> Window:
    return Window(
        from_time=moment(message.from_time) if message.HasField("from_time") else None,
        until_time=moment(message.until_time) if message.HasField("until_time") else None,
        hours=tuple(
            Hours(each.from_minute, each.to_minute, tuple(sorted(each.weekdays))) for each in message.hours
        ),
    )


def reward_message(reward: Reward) -> pb.Reward:
    """A reward as it stands."""
    return pb.Reward(
        reward_id=reward.reward_id,
        version=reward.version,
        terms=_terms(reward.terms),
        archived=reward.archived,
        stocked_count=reward.stocked,
        left_count=reward.left,
        created_time=timestamp(reward.created_time),
        updated_time=timestamp(reward.updated_time),
    )


def _terms(terms: Terms) -> pb.RewardTerms:
    window = terms.window
    return pb.RewardTerms(
        kind=pb.RewardKind.Value(f"REWARD_KIND_{terms.kind.upper()}"),
        name_zh=terms.name[0],
        name_en=terms.name[1],
        description_zh=terms.description[0],
        description_en=terms.description[1],
        price_points=terms.price_points,
        value_minor=terms.value_minor,
        tier_set=terms.tier_set,
        tier=terms.tier,
        spend_min_minor=terms.spend_min_minor,
        window=pb.RewardWindow(
            from_time=_time(window.from_time),
            until_time=_time(window.until_time),
            hours=[
                pb.RewardHours(weekdays=each.weekdays, from_minute=each.from_minute, to_minute=each.to_minute)
                for each in window.hours
            ],
        ),
        limits=pb.RewardLimits(**asdict(terms.limits)),
        reserve_minutes=terms.reserve_minutes,
        point_type=terms.point_type,
        coupon_campaign=terms.coupon_campaign,
    )


def check_message(found: Sequence[Obstacle], program: Program) -> list[pb.RewardObstacle]:
    """What stands against giving a reward, told by the names of the program."""
    return [
        pb.RewardObstacle(
            code=pb.RewardObstacleCode.Value(f"REWARD_OBSTACLE_CODE_{each.code}"),
            params=each.params,
            text_zh=obstacle_text(each, program, "zh"),
            text_en=obstacle_text(each, program, "en"),
        )
        for each in found
    ]


def redemption_message(redemption: Redemption, *, for_staff: bool = False) -> pb.Redemption:
    """A redemption; who gave it and why only where the staff look."""
    message = pb.Redemption(
        redemption_id=redemption.redemption_id,
        member_id=redemption.member_id,
        reward_id=redemption.reward_id,
        reward_version=redemption.reward_version,
        kind=pb.RewardKind.Value(f"REWARD_KIND_{redemption.kind.upper()}"),
        name_zh=redemption.name[0],
        name_en=redemption.name[1],
        price_points=redemption.price_points,
        value_minor=redemption.value_minor,
        state=pb.RedemptionState.Value(f"REDEMPTION_STATE_{redemption.state.upper()}"),
        created_time=timestamp(redemption.created_time),
        due_time=_time(redemption.due_time),
        fulfilled_time=_time(redemption.fulfilled_time),
        ended_time=_time(redemption.ended_time),
        granted=redemption.grant is not None,
        coupon_id=redemption.coupon_id,
        point_type=redemption.point_type,
    )
    if for_staff and redemption.grant is not None:
        grant = redemption.grant
        message.grant.CopyFrom(
            pb.RewardGrant(
                granted_by=grant.granted_by,
                explanation=grant.explanation,
                decided_by=grant.decided_by,
                decision=grant.decision,
            )
        )
    return message


def _time(time: datetime | None) -> Timestamp | None:
    return None if time is None else timestamp(time)
