"""A small program of members as the other services would tell of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from laurel.benefits.v1 import benefits_pb2, events_pb2
from laurel.common.v1 import fact_pb2
from laurel.members.v1 import events_pb2 as members_events_pb2
from laurel.members.v1 import members_pb2
from laurel.risk.v1 import reports_pb2, risk_pb2
from laurel.scoring.v1 import models_pb2, receipts_pb2, scoring_pb2
from libs.common.program import Program, preset
from libs.common.rpc.time import timestamp

NOON = datetime(1998, 7, 1, 12, tzinfo=UTC)
REVIEW = NOON + timedelta(days=30)
PROGRAM = "music_store"
SPEND = "purchase.amount_minor.lifetime"


def member_id(number: int) -> str:
    """The id of the n-th member."""
    return f"mem_{number:032x}"


def a_program() -> Program:
    """The demo program, published as version 1, with something to buy, some of it counted."""
    document = preset(PROGRAM).document() | {"version": 1}
    plans = preset("dating_annual").document()["contracts"]["plans"]
    plans.sort(key=lambda each: each["key"] != "ai_deep_matching")
    plans[0]["benefits"][0]["quota"] = {"amount": 1, "unit": "uses", "period": "week"}
    return Program.parse(document | {"contracts": {"plans": plans}})


@dataclass
class World:
    """What the services hold. Members are all gold, with 300 dollars spent in two purchases."""

    members: dict[str, members_pb2.Member] = field(default_factory=dict)
    program: Program = field(default_factory=a_program)

    @classmethod
    def of(cls, count: int) -> "World":
        """A world of so many members."""
        return cls({member_id(number): a_member(number) for number in range(1, count + 1)})

    def live_program(self) -> benefits_pb2.Program:
        document = self.program.canonical()
        return benefits_pb2.Program(
            program_id=self.program.key,
            version=self.program.version,
            digest=self.program.digest(),
            document=document,
            effective_time=timestamp(NOON),
        )


def a_member(number: int) -> members_pb2.Member:
    """A verified gold member who joined on New Year's Day of 1997."""
    return members_pb2.Member(
        member_id=member_id(number),
        program_id=PROGRAM,
        store_id="online",
        identities=[members_pb2.Identity(source="cdnow", external_id=f"{number:05}")],
        registered_time=timestamp(datetime(1997, 1, 1, tzinfo=UTC)),
        verification=members_events_pb2.VERIFICATION_VERIFIED,
        seq=2,
        tiers={"main": "gold"},
        last_activity_time=timestamp(NOON - timedelta(days=30)),
        birthday="05-17",
        activity_state=members_events_pb2.ACTIVITY_STATE_DORMANT,
        activity_since_time=timestamp(NOON),
    )


def facts_of(as_of: datetime, *names: str) -> members_pb2.FactsResult:
    """The facts of any member at a time, of these names or all."""
    facts = {"purchase.count.lifetime": 2, "purchase.days_since_last": 30, SPEND: 30_000}
    return members_pb2.FactsResult(
        as_of=timestamp(as_of),
        facts=[
            fact_pb2.Fact(name=name, value=value)
            for name, value in sorted(facts.items())
            if not names or name in names
        ],
    )


def _reason() -> receipts_pb2.Reason:
    params = {
        "tier": "gold",
        "metric": "spend",
        "op": ">=",
        "threshold": "25000",
        "value": "30000",
        "currency": "USD",
    }
    return receipts_pb2.Reason(code="TIER_REACHED", params=params)


def a_membership(owner: str, program: Program) -> benefits_pb2.Membership:
    """Gold in the only tier set, decided on the second purchase."""
    rule = receipts_pb2.RuleResult(
        tier="gold",
        path="entry",
        metric="spend",
        fact=SPEND,
        op=">=",
        threshold=25_000,
        value=30_000,
        met=True,
        margin=5_000,
    )
    gap = receipts_pb2.Gap(path="entry", metric="spend", value=30_000, threshold=50_000, missing=20_000)
    receipt = receipts_pb2.Receipt(
        program_id=program.key,
        program_version=program.version,
        program_digest=program.digest(),
        tier_set="main",
        as_of=timestamp(NOON),
        cause=receipts_pb2.Cause(event=receipts_pb2.EventCause(event_id="evt_2", seq=2)),
        facts=[fact_pb2.Fact(name=SPEND, value=30_000)],
        facts_digest="f" * 64,
        rules=[rule],
        outcome=receipts_pb2.TIER_OUTCOME_UPGRADED,
        from_tier="normal",
        to_tier="gold",
        reasons=[_reason()],
        next=receipts_pb2.NextTier(tier="platinum", gaps=[gap]),
        digest="d" * 64,
        terms=receipts_pb2.TierTerms(
            look=receipts_pb2.TIER_LOOK_REVIEW,
            before=receipts_pb2.TierTerm(review_time=timestamp(NOON)),
            after=receipts_pb2.TierTerm(review_time=timestamp(REVIEW), in_grace=True),
        ),
    )
    return benefits_pb2.Membership(
        member_id=owner,
        tier_set="main",
        tier="gold",
        earned_tier="gold",
        since_time=timestamp(NOON),
        seq=3,
        applied_seq=2,
        decision=benefits_pb2.Decision(decision_id="dec_3", seq=3, receipt=receipt),
        review_time=timestamp(REVIEW),
        in_grace=True,
    )


def tier_changes() -> list[events_pb2.TierChange]:
    """Gold since noon, normal before, latest first."""
    joined = timestamp(datetime(1997, 1, 1, tzinfo=UTC))
    return [
        events_pb2.TierChange(
            decision_id="dec_3",
            seq=3,
            from_tier="normal",
            to_tier="gold",
            outcome=receipts_pb2.TIER_OUTCOME_UPGRADED,
            valid_from=timestamp(NOON),
            reasons=[_reason()],
        ),
        events_pb2.TierChange(
            decision_id="dec_1",
            seq=1,
            to_tier="normal",
            outcome=receipts_pb2.TIER_OUTCOME_ENROLLED,
            valid_from=joined,
            valid_to=timestamp(NOON),
        ),
    ]


def an_account(owner: str) -> benefits_pb2.PointsAccount:
    """A balance beyond 32 bits, so that what cannot carry it is noticed."""
    return benefits_pb2.PointsAccount(
        member_id=owner,
        currency="points",
        balance_points=2**40,
        held_points=40,
        available_points=2**40 - 40,
        seq=2,
        pending_points=60,
        expiring=[benefits_pb2.ExpiringPoints(expire_time=timestamp(NOON), points=30)],
        types=[
            benefits_pb2.TypedPoints(
                type="tier_points",
                kind="tier",
                name_zh="等级积分",
                name_en="Tier points",
                balance_points=2**41,
                pending_points=5,
                held_points=7,
                pays=True,
            )
        ],
    )


def a_reversal() -> benefits_pb2.Entry:
    """400 points to be taken back, of which 300 had expired."""
    return benefits_pb2.Entry(
        entry_id="ent_3",
        transaction_id="txn_3",
        seq=3,
        points=-100,
        balance_after=2**40 - 100,
        lot_id="lot_2",
        kind=benefits_pb2.ENTRY_KIND_REVERSAL,
        occurred_time=timestamp(NOON),
        source="cdnow",
        external_ref="back-2",
        original_transaction_id="txn_2",
        written_off_points=300,
    )


def an_entry() -> benefits_pb2.Entry:
    """400 points for 200.50 dollars in gold."""
    return benefits_pb2.Entry(
        entry_id="ent_2",
        transaction_id="txn_2",
        seq=2,
        points=400,
        balance_after=2**40,
        lot_id="lot_2",
        digest="e" * 64,
        kind=benefits_pb2.ENTRY_KIND_ACCRUAL,
        occurred_time=timestamp(NOON),
        source="cdnow",
        external_ref="receipt-2",
        earnings=[
            benefits_pb2.EarningExplanation(
                rule="purchase",
                amount_minor=20_050,
                unit_minor=100,
                points_per_unit=1,
                multiplier_bp=20_000,
                tier="gold",
                points=400,
            )
        ],
    )


def an_entitlement() -> benefits_pb2.Entitlement:
    """Free shipping, inherited from silver."""
    return benefits_pb2.Entitlement(
        benefit="free_shipping",
        kind="service",
        name_zh="免运费",
        name_en="Free shipping",
        tier_set="main",
        granted_by_tier="silver",
        inherited=True,
        params={"orders_count": 12},
    )


def a_score() -> scoring_pb2.Score:
    """An RFM of 3.6 with one of its contributions."""
    contribution = scoring_pb2.Contribution(
        factor="monetary",
        fact=SPEND,
        value=30_000,
        score=5,
        weight_bp=4_000,
        contribution_bp=20_000,
        cuts=[1, 2, 3, 4],
        decay_bp=10_000,
        most_bp=20_000,
    )
    return scoring_pb2.Score(
        name="rfm",
        policy_version="cdnow",
        value_bp=36_000,
        label="potential",
        contributions=[contribution],
        reasons=[
            receipts_pb2.Reason(code="NEXT_LABEL_GAP", params={"label": "high_value", "missing_bp": "4000"}),
            receipts_pb2.Reason(
                code="SCORE_LIFTED_BY",
                params={"factor": "monetary", "contribution_bp": "20000", "most_bp": "20000"},
            ),
        ],
    )


def a_serving_model(version: int = 3, *facts: str) -> models_pb2.ServingModel:
    """A champion of churn."""
    return models_pb2.ServingModel(
        kind="churn",
        version=version,
        stage=models_pb2.MODEL_STAGE_CHAMPION,
        digest=f"{version:064x}",
        facts=facts or ("purchase.distinct_days.lifetime", "purchase.days_since_last"),
        labels=[models_pb2.ModelLabel(key="high", name_zh="高", name_en="High")],
    )


MODELS = 3


def a_model(version: int) -> models_pb2.Model:
    """A version of churn that olga promoted."""
    champion = models_pb2.MODEL_STAGE_CHAMPION
    return models_pb2.Model(
        program_id=PROGRAM,
        kind="churn",
        version=version,
        stage=champion,
        digest=f"{version:064x}",
        data_digest="0" * 64,
        metrics=[models_pb2.ModelMetric(name="auc", value="0.814")],
        history=[
            models_pb2.ModelStep(
                stage=champion, actor="olga", note="calibrates better", create_time=timestamp(NOON)
            )
        ],
    )


def a_model_score(digest: str) -> scoring_pb2.Score:
    """What the champion of a digest says: seven of ten do not come again."""
    model = a_serving_model(int(digest, 16))
    return scoring_pb2.Score(
        name=model.kind,
        policy_version=f"{model.kind}/{model.version}",
        value_bp=7_000,
        low_bp=6_000,
        high_bp=8_000,
        label="high",
        contributions=[scoring_pb2.Contribution(factor="centre", contribution_bp=7_000, decay_bp=10_000)],
        reasons=[
            receipts_pb2.Reason(code="NO_PURCHASES", params={"fact": "purchase.distinct_days.lifetime"})
        ],
    )


def a_restriction() -> risk_pb2.Restriction:
    """No interaction for ninety days, after three reports."""
    return risk_pb2.Restriction(
        kind=risk_pb2.RESTRICTION_KIND_INTERACTION,
        reason_code="REPORTED_BY_SEVERAL",
        reason_params={"reporters": "3", "window_days": "90"},
        since_time=timestamp(NOON),
        until_time=timestamp(NOON + timedelta(days=90)),
    )


def a_risk_profile(owner: str) -> risk_pb2.RiskProfile:
    """A verified member whom one other has reported, and whom earlier reports still restrict."""
    return risk_pb2.RiskProfile(
        member_id=owner,
        integrity=90,
        level=risk_pb2.RISK_LEVEL_LOW,
        verification=members_events_pb2.VERIFICATION_VERIFIED,
        reporters_count=1,
        parts=[
            risk_pb2.IntegrityPart(code="BASE", points=100),
            risk_pb2.IntegrityPart(code="REPORTS", points=-10),
        ],
        restrictions=[a_restriction()],
        refused_limits=[risk_pb2.RefusedLimit(limit="DAILY_CAP", days_count=2, latest_time=timestamp(NOON))],
    )


def integrity_changes() -> list[risk_pb2.IntegrityChange]:
    """Reported at noon, registered before, latest first."""
    reported, registered = risk_pb2.INTEGRITY_CAUSE_KIND_REPORTED, risk_pb2.INTEGRITY_CAUSE_KIND_REGISTERED
    return [
        risk_pb2.IntegrityChange(
            seq=2,
            integrity_before=100,
            integrity_after=90,
            level_before=risk_pb2.RISK_LEVEL_LOW,
            level_after=risk_pb2.RISK_LEVEL_LOW,
            cause=risk_pb2.IntegrityCause(kind=reported, report_id="rep_1"),
            changed_time=timestamp(NOON),
            restrictions=[a_restriction()],
        ),
        risk_pb2.IntegrityChange(
            seq=1,
            integrity_after=100,
            level_after=risk_pb2.RISK_LEVEL_LOW,
            cause=risk_pb2.IntegrityCause(kind=registered),
            changed_time=timestamp(NOON - timedelta(days=1)),
        ),
    ]


def a_report(**changes: Any) -> reports_pb2.Report:
    """An upheld report of the first member for harassment."""
    report: dict[str, Any] = {
        "report_id": "rep_1",
        "member_id": member_id(1),
        "reporter_kind": reports_pb2.REPORTER_KIND_MEMBER,
        "reporter": member_id(2),
        "reason": reports_pb2.REPORT_REASON_HARASSMENT,
        "status": reports_pb2.REPORT_STATUS_UPHELD,
        "reported_time": timestamp(NOON),
        "expire_time": timestamp(NOON + timedelta(days=90)),
        "finding": a_finding(),
    }
    return reports_pb2.Report(**report | changes)


def a_finding() -> reports_pb2.ReportFinding:
    """What an officer found a day later."""
    return reports_pb2.ReportFinding(
        decided_by="ann", decided_time=timestamp(NOON + timedelta(days=1)), explanation="seen it"
    )
