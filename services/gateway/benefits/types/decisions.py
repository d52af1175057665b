"""What the graph shows of tier decisions: what they read and found, and why they came out so."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Iterable
from datetime import datetime
from enum import Enum

import strawberry

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.scoring.v1 import explanations_pb2, receipts_pb2
from libs.common.program import Program
from libs.common.texts import render
from services.gateway.benefits.documents import parsed
from services.gateway.benefits.types.tier_sets import tier_names
from services.gateway.context import Info
from services.gateway.languages import InLocale, language_of
from services.gateway.sources import loaded
from services.gateway.values import (
    Fact,
    Long,
    NamedText,
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
    HELD = strawberry.enum_value(
        receipts_pb2.TIER_OUTCOME_HELD, description="A higher tier waits until risk trusts the member."
    )
    OVERRIDDEN = strawberry.enum_value(
        receipts_pb2.TIER_OUTCOME_OVERRIDDEN, description="The tier that staff gave by hand."
    )


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
        locale: InLocale = None,
    ) -> str:
        language = language_of(locale)
        program = await live_program(info)
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


@strawberry.enum(description="What made us look at a tier.")
class TierLook(Enum):
    EVENT = strawberry.enum_value(receipts_pb2.TIER_LOOK_EVENT, description="An event of the member.")
    REVIEW = strawberry.enum_value(
        receipts_pb2.TIER_LOOK_REVIEW, description="The end of the term for which the tier was held."
    )
    NEW_VERSION = strawberry.enum_value(
        receipts_pb2.TIER_LOOK_NEW_VERSION, description="A new version of the program."
    )
    OVERRIDE = strawberry.enum_value(receipts_pb2.TIER_LOOK_OVERRIDE, description="An order of staff.")


@strawberry.type(description="Until when a tier is held before it is looked at again.")
class TierTerm:
    review_time: datetime | None = strawberry.field(description="When that is; null where it never is.")
    in_grace: bool = strawberry.field(
        description="Whether it is held by grace until then: it was not met at the review before."
    )


@strawberry.type(description="What made us look at a tier, and its term before and after.")
class TierTerms:
    look: TierLook | None = strawberry.field(description="What made us look.")
    before: TierTerm = strawberry.field(description="The term before the decision.")
    after: TierTerm = strawberry.field(description="The term after it.")


@strawberry.type(
    description="A tier decision with all that it read and found, so that it can be checked and replayed."
)
class Decision:
    id: strawberry.ID = strawberry.field(description="Id of the decision.")
    tier_set: str = strawberry.field(description="Key of the tier set.")
    from_tier: str | None = strawberry.field(
        name="from", description="Key of the tier before; null at registration."
    )
    to_tier: str = strawberry.field(name="to", description="Key of the tier after.")
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
    variant: str | None = strawberry.field(
        description="Key of the region by whose rules it was decided; null where it is none."
    )
    terms: TierTerms | None = strawberry.field(
        description="What made us look, and until when the tier is held; null where tiers are held for ever."
    )

    @loaded(
        "Replay | None",
        lambda context: context.decisions.replay,
        lambda _, replay: _replay(replay),
        description="The same, decided again now by the version that decided, and compared bit by bit.",
    )
    def replay(self) -> str:
        return self.id


@strawberry.type(description="One place in which a decision and its replay differ.")
class ReplayDifference:
    path: str = strawberry.field(description="Where, such as `rules[2].value` or `facts_digest`.")
    was: str = strawberry.field(description="In the stored decision.")
    now: str = strawberry.field(description="In the replay, or what it must be.")


@strawberry.type(description="A decision that was decided again from the facts that it holds.")
class Replay:
    same: bool = strawberry.field(description="Whether the same bits came out.")
    outcome: TierOutcome | None = strawberry.field(description="What came out.")
    to_tier: str = strawberry.field(name="to", description="Key of the tier that came out.")
    digest: str = strawberry.field(description="SHA-256 of the receipt that came out.")
    differences: list[ReplayDifference] = strawberry.field(
        description="Where the two differ, inputs first; 50 at most."
    )


async def live_program(info: Info) -> Program | None:
    """The live version of the caller's program; None where there is none."""
    program = await info.context.benefits.program.load(info.context.program_id)
    return None if program is None else parsed(program.document)


def decision_of(decision: pb.Decision) -> Decision:
    """A decision as the graph shows it."""
    receipt = decision.receipt
    return Decision(
        id=strawberry.ID(decision.decision_id),
        tier_set=receipt.tier_set,
        from_tier=receipt.from_tier or None,
        to_tier=receipt.to_tier,
        outcome=known(TierOutcome, receipt.outcome),
        as_of=time_of(receipt, "as_of"),
        program_version=receipt.program_version,
        program_digest=receipt.program_digest,
        facts_digest=receipt.facts_digest,
        digest=receipt.digest,
        facts=facts_of(receipt.facts),
        reasons=reasons_of(receipt.tier_set, receipt.reasons),
        rules=[_rule(rule) for rule in receipt.rules],
        cause=_cause(receipt.cause) if receipt.HasField("cause") else None,
        variant=receipt.variant or None,
        terms=_terms(receipt.terms) if receipt.HasField("terms") else None,
    )


def _replay(replay: explanations_pb2.Replay) -> Replay:
    return Replay(
        same=replay.same,
        outcome=known(TierOutcome, replay.receipt.outcome),
        to_tier=replay.receipt.to_tier,
        digest=replay.receipt.digest,
        differences=[
            ReplayDifference(path=each.path, was=each.was, now=getattr(each, "is"))
            for each in replay.differences
        ],
    )


def reasons_of(tier_set: str, reasons: Iterable[receipts_pb2.Reason]) -> list[Reason]:
    """Reasons as the graph shows them."""
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


def _terms(terms: receipts_pb2.TierTerms) -> TierTerms:
    return TierTerms(look=known(TierLook, terms.look), before=_term(terms.before), after=_term(terms.after))


def _term(term: receipts_pb2.TierTerm) -> TierTerm:
    return TierTerm(review_time=time_of(term, "review_time"), in_grace=term.in_grace)
