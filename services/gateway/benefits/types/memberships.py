"""What the graph shows of tiers held: the membership, its decision with rules and reasons, its history."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import events_pb2
from laurel.scoring.v1 import receipts_pb2
from libs.common.program import Program
from libs.common.texts import Locale as Language
from libs.common.texts import render
from services.gateway.benefits.documents import parsed
from services.gateway.benefits.loaders import MembershipKey
from services.gateway.benefits.types.programs import Tier, tier_names, tier_of
from services.gateway.context import Info
from services.gateway.values import (
    Fact,
    Locale,
    Long,
    NamedText,
    checked_first,
    facts_of,
    known,
    texts_of,
    time_of,
)


@strawberry.enum(description="What a decision did to a tier.")
class TierOutcome(Enum):
    ENROLLED = strawberry.enum_value(
        receipts_pb2.TIER_OUTCOME_ENROLLED, description="Gave the first tier, at registration."
    )
    KEPT = strawberry.enum_value(receipts_pb2.TIER_OUTCOME_KEPT, description="Left the tier as it was.")
    UPGRADED = strawberry.enum_value(receipts_pb2.TIER_OUTCOME_UPGRADED, description="Gave a higher tier.")
    DOWNGRADED = strawberry.enum_value(receipts_pb2.TIER_OUTCOME_DOWNGRADED, description="Gave a lower tier.")
    GRACE = strawberry.enum_value(
        receipts_pb2.TIER_OUTCOME_GRACE,
        description="Left the tier for a while although its rule is no longer met.",
    )
    HELD = strawberry.enum_value(receipts_pb2.TIER_OUTCOME_HELD, description="Waits for a review.")


@strawberry.enum(description="What made us decide.")
class CauseKind(Enum):
    REGISTRATION = strawberry.enum_value("registration", description="The member joined.")
    EVENT = strawberry.enum_value("event", description="Something that the member did.")
    RUN = strawberry.enum_value("run", description="A run over many members.")
    ACTOR = strawberry.enum_value("actor", description="A person decided by hand.")


@strawberry.type(description="What made us decide.")
class DecisionCause:
    kind: CauseKind = strawberry.field(description="Which of the four.")
    event_id: strawberry.ID | None = strawberry.field(description="The event, if it was one.")
    event_seq: Long | None = strawberry.field(description="Place of the event in the member's own sequence.")
    run_id: strawberry.ID | None = strawberry.field(description="The run, if it was one.")
    actor: str | None = strawberry.field(description="The person, if it was one.")


@strawberry.type(description="Why a decision came out as it did.")
class Reason:
    tier_set: strawberry.Private[str]
    code: str = strawberry.field(description="Code for programs, such as `TIER_REACHED`.")
    params: list[NamedText] = strawberry.field(description="What the text speaks of, by name.")

    @strawberry.field(description="The reason as a sentence for people.")
    async def text(
        self,
        info: Info,
        locale: Annotated[Locale, strawberry.argument(description="In which language.")] = Locale.EN,
    ) -> str:
        language: Language = "zh" if locale is Locale.ZH else "en"
        program = await _live_program(info)
        names = {} if program is None else tier_names(program, tier_set=self.tier_set, language=language)
        return render(self.code, {param.name: param.value for param in self.params}, language, names)


@strawberry.type(description="One condition of a tier as it was evaluated.")
class RuleResult:
    tier: str = strawberry.field(description="Key of the tier that it belongs to.")
    path: str = strawberry.field(description="Where it stands in the tier's rule, such as `any[1]`.")
    metric: str = strawberry.field(description="What is measured, such as `spend`.")
    fact: str = strawberry.field(description="Name of the fact that it reads.")
    op: str = strawberry.field(description="How it is compared: `>=`, `>`, `<=`, `<` or `==`.")
    threshold: Long = strawberry.field(description="What is asked.")
    value: Long = strawberry.field(description="What there was.")
    met: bool = strawberry.field(description="Whether it held.")
    margin: Long = strawberry.field(description="Value less threshold.")


@strawberry.type(description="How far one condition of the next tier is from being met.")
class Gap:
    path: str = strawberry.field(description="Where it stands in the tier's rule.")
    metric: str = strawberry.field(description="What is measured, such as `spend`.")
    value: Long = strawberry.field(description="What there is.")
    threshold: Long = strawberry.field(description="What is asked.")
    missing: Long = strawberry.field(description="What is missing; 0 when met.")


@strawberry.type(description="What is missing for the next tier.")
class Progress:
    tier_set: strawberry.Private[str]
    tier_key: str = strawberry.field(description="Key of the tier above.")
    gaps: list[Gap] = strawberry.field(
        description="One per condition of it; where the rule says `any`, one of them is enough."
    )

    @strawberry.field(description="The tier above; null when the live program does not have it.")
    async def tier(self, info: Info) -> Tier | None:
        return await _tier(info, self.tier_set, self.tier_key)


@strawberry.type(
    description="A tier decision with all that it read and found, so that it can be checked and replayed."
)
class Decision:
    id: strawberry.ID = strawberry.field(description="Id of the decision.")
    outcome: TierOutcome | None = strawberry.field(description="What it did.")
    as_of: datetime | None = strawberry.field(description="The time that it is for.")
    program_version: int = strawberry.field(description="Version of the program that decided.")
    program_digest: str = strawberry.field(description="SHA-256 of that version's document.")
    facts_digest: str = strawberry.field(description="SHA-256 of the facts as canonical JSON.")
    digest: str = strawberry.field(description="SHA-256 of the whole receipt as canonical JSON (RFC 8785).")
    facts: list[Fact] = strawberry.field(description="The facts that it read.")
    reasons: list[Reason] = strawberry.field(description="Why it came out so.")
    rules: list[RuleResult] = strawberry.field(description="Each condition of each tier, as evaluated.")
    cause: DecisionCause | None = strawberry.field(description="What made us decide.")


@strawberry.type(description="A tier that was held from a time on.")
class TierChange:
    from_tier: str | None = strawberry.field(
        name="from", description="Key of the tier before; null at registration."
    )
    to_tier: str = strawberry.field(name="to", description="Key of the tier after.")
    outcome: TierOutcome | None = strawberry.field(description="What the decision did.")
    valid_from: datetime | None = strawberry.field(description="Since when it was held.")
    valid_to: datetime | None = strawberry.field(description="Until when; null for the tier held now.")
    reasons: list[Reason] = strawberry.field(description="Why.")


@strawberry.type(description="A member's standing in one tier set.")
class Membership:
    message: strawberry.Private[pb.Membership]
    tier_set: str = strawberry.field(description="Key of the tier set.")
    tier_key: str = strawberry.field(
        description="Key of the tier held: the higher one of what they earned and what a contract grants."
    )
    earned_tier_key: str = strawberry.field(description="Key of the tier that they earned.")
    contract_id: strawberry.ID | None = strawberry.field(
        description="The contract that grants the tier; null where they earned it."
    )
    since: datetime | None = strawberry.field(description="Since when the tier is held.")
    progress: Progress | None = strawberry.field(
        description="What is missing for the next tier; null where only a contract brings a higher one."
    )

    @strawberry.field(description="The tier held; null when the live program no longer has it.")
    async def tier(self, info: Info) -> Tier | None:
        return await _tier(info, self.tier_set, self.tier_key)

    @strawberry.field(description="The latest decision, which is about the earned tier.")
    def decision(self) -> Decision | None:
        return _decision(self.message.decision) if self.message.HasField("decision") else None

    @strawberry.field(description="The tiers earned, latest first.")
    async def history(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
    ) -> list[TierChange] | None:
        key = MembershipKey(member_id=self.message.member_id, tier_set=self.tier_set)
        changes = await info.context.benefits.tier_changes.load((key, checked_first(first)))
        return None if changes is None else [tier_change_of(self.tier_set, change) for change in changes]


def membership_of(membership: pb.Membership) -> Membership:
    """A membership as the graph shows it."""
    receipt = membership.decision.receipt
    return Membership(
        message=membership,
        tier_set=membership.tier_set,
        tier_key=membership.tier,
        earned_tier_key=membership.earned_tier,
        contract_id=strawberry.ID(membership.contract_id) if membership.contract_id else None,
        since=time_of(membership, "since_time"),
        progress=_progress(membership.tier_set, receipt.next) if receipt.next.gaps else None,
    )


async def _live_program(info: Info) -> Program | None:
    program = await info.context.benefits.program.load(info.context.program_id)
    return None if program is None else parsed(program.document)


async def _tier(info: Info, tier_set: str, tier: str) -> Tier | None:
    program = await _live_program(info)
    return None if program is None else tier_of(program, tier_set=tier_set, tier=tier)


def _progress(tier_set: str, following: receipts_pb2.NextTier) -> Progress:
    gaps = [
        Gap(
            path=gap.path,
            metric=gap.metric,
            value=Long(gap.value),
            threshold=Long(gap.threshold),
            missing=Long(gap.missing),
        )
        for gap in following.gaps
    ]
    return Progress(tier_set=tier_set, tier_key=following.tier, gaps=gaps)


def _decision(decision: pb.Decision) -> Decision:
    receipt = decision.receipt
    return Decision(
        id=strawberry.ID(decision.decision_id),
        outcome=known(TierOutcome, receipt.outcome),
        as_of=time_of(receipt, "as_of"),
        program_version=receipt.program_version,
        program_digest=receipt.program_digest,
        facts_digest=receipt.facts_digest,
        digest=receipt.digest,
        facts=facts_of(receipt.facts),
        reasons=_reasons(receipt.tier_set, receipt.reasons),
        rules=[_rule(rule) for rule in receipt.rules],
        cause=_cause(receipt.cause) if receipt.HasField("cause") else None,
    )


def _reasons(tier_set: str, reasons: Iterable[receipts_pb2.Reason]) -> list[Reason]:
    return [Reason(tier_set=tier_set, code=reason.code, params=texts_of(reason.params)) for reason in reasons]


def _rule(rule: receipts_pb2.RuleResult) -> RuleResult:
    return RuleResult(
        tier=rule.tier,
        path=rule.path,
        metric=rule.metric,
        fact=rule.fact,
        op=rule.op,
        threshold=Long(rule.threshold),
        value=Long(rule.value),
        met=rule.met,
        margin=Long(rule.margin),
    )


def _cause(cause: receipts_pb2.Cause) -> DecisionCause | None:
    event_id = event_seq = run_id = actor = None
    match cause.WhichOneof("cause"):
        case "event":
            kind = CauseKind.EVENT if cause.event.event_id else CauseKind.REGISTRATION
            event_id = strawberry.ID(cause.event.event_id) if cause.event.event_id else None
            event_seq = Long(cause.event.seq)
        case "run_id":
            kind, run_id = CauseKind.RUN, strawberry.ID(cause.run_id)
        case "actor":
            kind, actor = CauseKind.ACTOR, cause.actor
        case _:
            return None
    return DecisionCause(kind=kind, event_id=event_id, event_seq=event_seq, run_id=run_id, actor=actor)


def tier_change_of(tier_set: str, change: events_pb2.TierChange) -> TierChange:
    return TierChange(
        from_tier=change.from_tier or None,
        to_tier=change.to_tier,
        outcome=known(TierOutcome, change.outcome),
        valid_from=time_of(change, "valid_from"),
        valid_to=time_of(change, "valid_to"),
        reasons=_reasons(tier_set, change.reasons),
    )
