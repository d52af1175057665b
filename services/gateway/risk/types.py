"""What the graph shows of risk: a member's standing, what it restricts, and how it came about."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from laurel.risk.v1 import risk_pb2 as pb
from libs.common.texts import render
from services.gateway.languages import InLocale, language_of
from services.gateway.sources import each, loaded
from services.gateway.values import (
    Long,
    NamedText,
    Verification,
    checked_first,
    known,
    texts_of,
    time_of,
)


@strawberry.enum(description="How careful to be with a member.")
class RiskLevel(Enum):
    LOW = strawberry.enum_value(pb.RISK_LEVEL_LOW, description="Nothing is known against them.")
    MEDIUM = strawberry.enum_value(pb.RISK_LEVEL_MEDIUM, description="To be watched.")
    HIGH = strawberry.enum_value(
        pb.RISK_LEVEL_HIGH, description="To be trusted with nothing; see `restrictions`."
    )


@strawberry.type(description="One part of the integrity score.")
class IntegrityPart:
    code: str = strawberry.field(description="What it is for, such as `UNVERIFIED` or `REPORTS`.")
    points: int = strawberry.field(description="What it adds, or takes when negative.")


@strawberry.enum(description="What a member may not do.")
class RestrictionKind(Enum):
    INTERACTION = strawberry.enum_value(
        pb.RESTRICTION_KIND_INTERACTION,
        description="Get in touch with other members: messages, likes, comments, invitations.",
    )


@strawberry.type(description="Something that a member may not do for a while, and why.")
class Restriction:
    kind: RestrictionKind | None = strawberry.field(description="What they may not do.")
    reason_code: str = strawberry.field(description="Code for programs, such as `REPORTED_BY_SEVERAL`.")
    reason_params: list[NamedText] = strawberry.field(description="What the text speaks of, by name.")
    since: datetime | None = strawberry.field(description="From when on.")
    until: datetime | None = strawberry.field(
        description="When it ends, should nothing else happen; it holds no more from then on."
    )

    @strawberry.field(description="The reason as a sentence for people.")
    def reason(self, locale: InLocale = None) -> str:
        language = language_of(locale)
        return render(self.reason_code, {each.name: each.value for each in self.reason_params}, language, {})


@strawberry.enum(description="What kind of thing changed a standing.")
class IntegrityCauseKind(Enum):
    REGISTERED = strawberry.enum_value(pb.INTEGRITY_CAUSE_KIND_REGISTERED, description="The member joined.")
    VERIFICATION_CHANGED = strawberry.enum_value(
        pb.INTEGRITY_CAUSE_KIND_VERIFICATION_CHANGED,
        description="What is known of their identity changed.",
    )
    REPORTED = strawberry.enum_value(pb.INTEGRITY_CAUSE_KIND_REPORTED, description="They were reported.")
    REPORT_DECIDED = strawberry.enum_value(
        pb.INTEGRITY_CAUSE_KIND_REPORT_DECIDED, description="A report of them was decided."
    )
    REPORT_EXPIRED = strawberry.enum_value(
        pb.INTEGRITY_CAUSE_KIND_REPORT_EXPIRED, description="A report of them no longer counts."
    )


@strawberry.type(description="One change of a member's standing, with its cause.")
class IntegrityChange:
    seq: Long = strawberry.field(description="Version of the standing that it made: 1, 2, 3, …")
    integrity_before: int | None = strawberry.field(description="Integrity before; null on the first.")
    integrity_after: int = strawberry.field(description="Integrity after.")
    level_before: RiskLevel | None = strawberry.field(description="Level before; null on the first.")
    level_after: RiskLevel | None = strawberry.field(description="Level after.")
    cause: IntegrityCauseKind | None = strawberry.field(description="What changed it.")
    report_id: strawberry.ID | None = strawberry.field(description="The report, if it was one.")
    changed_time: datetime | None = strawberry.field(description="When.")
    restrictions: list[Restriction] = strawberry.field(description="What the member may not do after it.")


def _restrictions(restrictions: Iterable[pb.Restriction]) -> list[Restriction]:
    return [
        Restriction(
            kind=known(RestrictionKind, each.kind),
            reason_code=each.reason_code,
            reason_params=texts_of(each.reason_params),
            since=time_of(each, "since_time"),
            until=time_of(each, "until_time"),
        )
        for each in restrictions
    ]


def _change(change: pb.IntegrityChange) -> IntegrityChange:
    return IntegrityChange(
        seq=Long(change.seq),
        integrity_before=change.integrity_before if change.HasField("integrity_before") else None,
        integrity_after=change.integrity_after,
        level_before=known(RiskLevel, change.level_before),
        level_after=known(RiskLevel, change.level_after),
        cause=known(IntegrityCauseKind, change.cause.kind),
        report_id=strawberry.ID(change.cause.report_id) if change.cause.report_id else None,
        changed_time=time_of(change, "changed_time"),
        restrictions=_restrictions(change.restrictions),
    )


@strawberry.type(description="A limit of what a member may redeem, for which they were refused of late.")
class RefusedLimit:
    limit: str = strawberry.field(
        description="Which: `DAILY_CAP`, `TOO_FREQUENT`, `REWARD_CAP` or `COUPON_CAP`."
    )
    days_count: int = strawberry.field(description="On how many days of the last 90, however often on each.")
    latest_time: datetime | None = strawberry.field(description="When on the latest of them.")


@strawberry.type(description="A member's standing: how far they can be trusted, and why.")
class Risk:
    message: strawberry.Private[pb.RiskProfile]

    @strawberry.field(description="From 0 to 100, the sum of its parts.")
    def integrity(self) -> int:
        return self.message.integrity

    @strawberry.field(description="How careful to be.")
    def level(self) -> RiskLevel | None:
        return known(RiskLevel, self.message.level)

    @strawberry.field(description="What is known of their identity.")
    def verification(self) -> Verification | None:
        return known(Verification, self.message.verification)

    @strawberry.field(description="Distinct reporters whose reports stand.")
    def reporters_count(self) -> int:
        return self.message.reporters_count

    @strawberry.field(description="How the integrity came about.")
    def parts(self) -> list[IntegrityPart]:
        return [IntegrityPart(code=part.code, points=part.points) for part in self.message.parts]

    @strawberry.field(description="What they may not do, and until when.")
    def restrictions(self) -> list[Restriction]:
        return _restrictions(self.message.restrictions)

    @strawberry.field(description="Limits for which they were refused in the last 90 days, the latest first.")
    def refused_limits(self) -> list[RefusedLimit]:
        return [
            RefusedLimit(
                limit=each.limit, days_count=each.days_count, latest_time=time_of(each, "latest_time")
            )
            for each in self.message.refused_limits
        ]

    @loaded(
        list[IntegrityChange] | None,
        lambda context: context.risk.changes,
        each(_change),
        description="How the standing came about, latest first.",
    )
    def changes(
        self, first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20
    ) -> tuple[str, int]:
        return self.message.member_id, checked_first(first)


def risk_of(profile: pb.RiskProfile) -> Risk:
    """A profile as the graph shows it."""
    return Risk(message=profile)
