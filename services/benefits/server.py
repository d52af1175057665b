"""Builds and wires the benefits service; the only file that knows every part of it."""

import random
import secrets
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from prometheus_client import Gauge

from laurel.benefits.v1 import (
    badges_pb2_grpc,
    benefits_pb2_grpc,
    contracts_pb2_grpc,
    coupons_pb2_grpc,
    decisions_pb2_grpc,
    earning_pb2_grpc,
    entitlements_pb2_grpc,
    notices_pb2_grpc,
    points_pb2_grpc,
    programs_pb2_grpc,
    proofs_pb2_grpc,
    reports_pb2_grpc,
    rewards_pb2_grpc,
    simulations_pb2_grpc,
    thresholds_pb2_grpc,
    tiers_pb2_grpc,
    tills_pb2_grpc,
)
from libs.common.audit.trail import Auditor
from libs.common.chains.anchors import Anchors
from libs.common.chains.documents import root_from
from libs.common.chains.sequencer import Chained
from libs.common.clock import now
from libs.common.clocks import Clocks
from libs.common.homes import homes_of, keep_homes
from libs.common.ids import new_id
from libs.common.leases import Leases
from libs.common.mongo import OUTAGES
from libs.common.pipeline import PipelineReader
from libs.common.rpc.server import RpcServer
from libs.common.sealing import Sealing
from libs.common.service import Platform, run_service, serve
from libs.common.settings import read_settings
from services.benefits import consumers, outbox
from services.benefits.badges_servicer import BadgesServicer
from services.benefits.clients import ExplanationClient, MembersClient, RiskClient, ScoringClient
from services.benefits.consumers import MemberEvents, RiskEvents
from services.benefits.contracts_servicer import ContractsServicer
from services.benefits.coupons_servicer import CouponsServicer
from services.benefits.decisions_servicer import DecisionsServicer
from services.benefits.earning_servicer import EarningServicer
from services.benefits.entitlements_servicer import EntitlementsServicer
from services.benefits.handlers.activity import ActivityHandlers
from services.benefits.handlers.adjustments import AdjustmentHandlers
from services.benefits.handlers.badge_reads import BadgeReads
from services.benefits.handlers.badges import BadgeHandlers
from services.benefits.handlers.birthdays import BirthdayGreetings, BirthdayHandlers
from services.benefits.handlers.break_glasses import BreakGlassHandlers
from services.benefits.handlers.calibrations import CalibrationDates, CalibrationHandlers
from services.benefits.handlers.contract_calendar import ContractEnds, ContractReminders
from services.benefits.handlers.contract_reads import ContractReads
from services.benefits.handlers.contracts import ContractHandlers
from services.benefits.handlers.coupon_campaigns import CampaignHandlers
from services.benefits.handlers.coupon_ends import ReservationEnds
from services.benefits.handlers.coupon_guesses import CouponGuesses
from services.benefits.handlers.coupon_issue import IssueHandlers
from services.benefits.handlers.coupon_keys import CouponKeys
from services.benefits.handlers.coupon_quotes import CouponQuotes
from services.benefits.handlers.coupon_reads import CouponReads
from services.benefits.handlers.coupon_reservations import ReservationHandlers
from services.benefits.handlers.deciding import Deciding
from services.benefits.handlers.decisions import DecisionHandlers
from services.benefits.handlers.deliveries import Delivering
from services.benefits.handlers.earning import EarningHandlers
from services.benefits.handlers.expiry_notices import ExpiryNotices
from services.benefits.handlers.explaining import ExplainingHandlers
from services.benefits.handlers.fairness import FairnessHandlers
from services.benefits.handlers.following import FollowHandlers
from services.benefits.handlers.growth import GrowthHandlers
from services.benefits.handlers.held_upgrades import HeldUpgrades
from services.benefits.handlers.hold_reads import HoldEnding, HoldReads
from services.benefits.handlers.limit_refusals import LimitRefusals
from services.benefits.handlers.maturity import LotMaturity
from services.benefits.handlers.mixes import MixHandlers
from services.benefits.handlers.notices import NoticeHandlers
from services.benefits.handlers.overrides import OverrideHandlers
from services.benefits.handlers.points_report import ReportHandlers
from services.benefits.handlers.program_changes import ChangeHandlers, ScheduledVersions
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.proofs import ProofHandlers
from services.benefits.handlers.quotas import QuotaHandlers
from services.benefits.handlers.quotes import QuoteHandlers
from services.benefits.handlers.reads import ReadHandlers
from services.benefits.handlers.recalculation import RecalculationHandlers
from services.benefits.handlers.redemption_ends import RedemptionEnds
from services.benefits.handlers.redemption_reads import RedemptionReads
from services.benefits.handlers.redemptions import RedemptionHandlers
from services.benefits.handlers.review_calendar import ReviewCalendar
from services.benefits.handlers.reviews import TierReviews
from services.benefits.handlers.reward_checks import RewardChecks
from services.benefits.handlers.reward_grants import GrantHandlers
from services.benefits.handlers.rewards import RewardHandlers
from services.benefits.handlers.roots import RootHandlers
from services.benefits.handlers.sending import Sending
from services.benefits.handlers.simulating import SimulatingHandlers
from services.benefits.handlers.simulations import SimulationHandlers
from services.benefits.handlers.spending import Spending
from services.benefits.handlers.surroundings import Surroundings
from services.benefits.handlers.thresholds import ThresholdHandlers
from services.benefits.handlers.tier_previews import TierPreviews
from services.benefits.handlers.tier_report import TierReportHandlers
from services.benefits.handlers.tier_rewards import TierRewards
from services.benefits.handlers.tills import TillHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.handlers.transfers import TransferHandlers
from services.benefits.handlers.turns import Turns
from services.benefits.handlers.unlocks import UnlockHandlers
from services.benefits.handlers.usage import UsageHandlers
from services.benefits.handlers.verification import VerificationHandlers
from services.benefits.handlers.webhook_channel import WebhookChannel
from services.benefits.handlers.webhook_upkeep import WebhookUpkeep
from services.benefits.handlers.webhooks import WebhookHandlers
from services.benefits.jobs import (
    CALIBRATION,
    HOLDS,
    NOTICES,
    RECALCULATION,
    SIMULATION,
    Calibrations,
    HoldEnds,
    NoticeSending,
    Recalculations,
    Simulations,
)
from services.benefits.ledger_jobs import (
    BADGE_ROOTS,
    BADGES_UNROOTED_SECONDS,
    CLOSE_SECONDS,
    FAIRNESS,
    FAIRNESS_PROBLEMS,
    FAIRNESS_SECONDS,
    FOLLOW_SECONDS,
    LEDGER_CHECKS,
    LEDGER_ROOTS,
    LEDGER_SUM,
    LEDGER_UNROOTED_SECONDS,
    LEDGER_UNVERIFIED_SECONDS,
    LIABILITY,
    LIABILITY_SECONDS,
    USAGE,
    USAGE_SECONDS,
    USAGE_UNPUBLISHED_SECONDS,
    LedgerFollowing,
    LedgerIdentity,
    Number,
    PointsCost,
    Rounds,
    nothing,
)
from services.benefits.notices_servicer import NoticesServicer
from services.benefits.outgoing import Poster, tls_context
from services.benefits.points_servicer import PointsServicer
from services.benefits.programs_servicer import ProgramsServicer
from services.benefits.proofs_servicer import ProofsServicer
from services.benefits.reports_servicer import ReportsServicer
from services.benefits.repository.badges import BADGES_CHAINED
from services.benefits.repository.chaining import CHAINED
from services.benefits.repository.indexes import ensure_indexes
from services.benefits.repository.store import BenefitsStore
from services.benefits.rewards_servicer import RewardsServicer
from services.benefits.sender import WEBHOOKS, WebhookSender
from services.benefits.servicer import BenefitsServicer
from services.benefits.settings import Settings
from services.benefits.shared_reads import shared_reads
from services.benefits.simulations_servicer import SimulationsServicer
from services.benefits.thresholds_servicer import ThresholdsServicer
from services.benefits.tiers_servicer import TiersServicer
from services.benefits.tills_servicer import TillsServicer
from services.benefits.walks import WalkClient

SERVICE = "benefits"

Register = Callable[[Any, Any], None]


def servicer(platform: Platform, programs: ProgramHandlers, times: ProgramTimes) -> BenefitsServicer:
    """The servicer with its handlers."""
    store = BenefitsStore(platform.database)
    return BenefitsServicer(
        programs=programs,
        changes=ChangeHandlers(store, programs, times, now=now, new_id=new_id),
        reads=ReadHandlers(store, programs, times),
        verification=VerificationHandlers(store),
        pipeline=PipelineReader(
            SERVICE,
            platform.database,
            platform.redis,
            [consumers.STREAM, consumers.RISK_STREAM],
            store.positions,
        ),
        watches=platform.watches(outbox.STREAM),
        shared=shared_reads(partial(homes_of, platform.database)),
    )


def webhook_handlers(
    settings: Settings, store: BenefitsStore, programs: ProgramHandlers, sealing: Sealing
) -> WebhookHandlers:
    """What answers the RPCs about webhooks."""
    return WebhookHandlers(
        store,
        programs,
        sealing,
        loopback=settings.webhook_loopback,
        now=now,
        new_id=new_id,
        new_secret=secrets.token_bytes,
    )


def webhook_sender(
    settings: Settings,
    store: BenefitsStore,
    programs: ProgramHandlers,
    times: ProgramTimes,
    leases: Leases,
    sealing: Sealing,
) -> WebhookSender:
    """What sends webhooks, where the lease is held."""
    outside = Poster(
        tls=tls_context(settings.webhook_ca_file),
        now=now,
        loopback=settings.webhook_loopback,
        denied=settings.webhook_denied_networks,
    )
    delivering = Delivering(store, sealing, outside, now=now, new_id=new_id, jitter=random.random)
    upkeep = WebhookUpkeep(store, sealing, programs, times.of, now=now, new_id=new_id)
    return WebhookSender(delivering, upkeep, leases)


def notices_servicer(
    platform: Platform, settings: Settings, programs: ProgramHandlers, sealing: Sealing
) -> NoticesServicer:
    """The servicer of notices and webhooks with its handlers."""
    store = BenefitsStore(platform.database)
    return NoticesServicer(
        webhooks=webhook_handlers(settings, store, programs, sealing),
        notices=NoticeHandlers(store, programs, now),
    )


def rewards_servicer(
    store: BenefitsStore, programs: ProgramHandlers, times: ProgramTimes, spending: Spending
) -> RewardsServicer:
    """The servicer of rewards and redemptions with its handlers."""
    turns, limits = Turns(), LimitRefusals(store, now)
    return RewardsServicer(
        redemptions=RedemptionHandlers(
            store, programs, times, spending, turns, limits, now=now, new_id=new_id
        ),
        grants=GrantHandlers(store, programs, times, turns, now=now, new_id=new_id),
        lists=RedemptionReads(store),
        rewards=RewardHandlers(store, programs, turns, now),
        checks=RewardChecks(store, programs, times),
    )


def coupons_servicer(
    store: BenefitsStore, programs: ProgramHandlers, times: ProgramTimes, sealing: Sealing
) -> CouponsServicer:
    """The servicer of coupons with its handlers."""
    keys = CouponKeys(store, sealing, secrets.token_bytes)
    quotes = CouponQuotes(store, programs, times, keys, CouponGuesses(store, now))
    limits = LimitRefusals(store, now)
    return CouponsServicer(
        campaigns=CampaignHandlers(store, programs, now),
        issuing=IssueHandlers(quotes, sealing, now=now, new_id=new_id, below=secrets.randbelow),
        quotes=quotes,
        reservations=ReservationHandlers(store, programs, times, quotes, limits, now=now, new_id=new_id),
        reads=CouponReads(store, programs, times),
    )


def explaining_handlers(
    store: BenefitsStore,
    programs: ProgramHandlers,
    times: ProgramTimes,
    members: MembersClient,
    scoring: ExplanationClient,
    surroundings: Surroundings,
) -> ExplainingHandlers:
    """What explains decisions, with the help of others."""
    reads = ReadHandlers(store, programs, times)
    return ExplainingHandlers(store, programs, times, members, scoring, reads, surroundings)


def servicers(
    platform: Platform,
    settings: Settings,
    programs: ProgramHandlers,
    times: ProgramTimes,
    sealing: Sealing,
    explaining: ExplainingHandlers,
    fairness: FairnessHandlers,
    overrides: OverrideHandlers,
    tiers: TierPreviews,
    thresholds: ThresholdHandlers,
) -> list[tuple[Register, object]]:
    """All that the service serves, each with what adds it to a server."""
    store = BenefitsStore(platform.database)
    spending = Spending(now=now, new_id=new_id)
    quotas = QuotaHandlers(store, programs, times, turns=Turns(), now=now, new_id=new_id)
    return [
        (benefits_pb2_grpc.add_BenefitsServiceServicer_to_server, servicer(platform, programs, times)),
        (decisions_pb2_grpc.add_DecisionsServiceServicer_to_server, DecisionsServicer(explaining)),
        (
            programs_pb2_grpc.add_ProgramsServiceServicer_to_server,
            ProgramsServicer(ChangeHandlers(store, programs, times, now=now, new_id=new_id)),
        ),
        (
            simulations_pb2_grpc.add_SimulationsServiceServicer_to_server,
            SimulationsServicer(SimulationHandlers(store, programs, times, now=now, new_id=new_id)),
        ),
        (
            thresholds_pb2_grpc.add_ThresholdsServiceServicer_to_server,
            ThresholdsServicer(thresholds),
        ),
        (tiers_pb2_grpc.add_TiersServiceServicer_to_server, TiersServicer(overrides, now, new_id)),
        (
            notices_pb2_grpc.add_NoticesServiceServicer_to_server,
            notices_servicer(platform, settings, programs, sealing),
        ),
        (
            earning_pb2_grpc.add_EarningServiceServicer_to_server,
            EarningServicer(EarningHandlers(store, programs, times, tiers)),
        ),
        (
            entitlements_pb2_grpc.add_EntitlementsServiceServicer_to_server,
            EntitlementsServicer(
                quotas,
                UnlockHandlers(store, programs, times, now),
                MixHandlers(store, programs, times),
                GrowthHandlers(store, programs, times),
            ),
        ),
        (
            contracts_pb2_grpc.add_ContractsServiceServicer_to_server,
            ContractsServicer(
                ContractHandlers(store, programs, times, now=now, new_id=new_id),
                ContractReads(store, programs, times),
            ),
        ),
        (
            rewards_pb2_grpc.add_RewardsServiceServicer_to_server,
            rewards_servicer(store, programs, times, spending),
        ),
        (
            tills_pb2_grpc.add_TillsServiceServicer_to_server,
            TillsServicer(
                TillHandlers(store, programs, times, spending, LimitRefusals(store, now), now=now),
                QuoteHandlers(store, programs, times, tiers),
            ),
        ),
        (
            points_pb2_grpc.add_PointsServiceServicer_to_server,
            PointsServicer(
                HoldReads(store, programs),
                AdjustmentHandlers(store, programs, times, now=now, new_id=new_id),
                TransferHandlers(store, programs, times, now=now, new_id=new_id),
            ),
        ),
        (
            coupons_pb2_grpc.add_CouponsServiceServicer_to_server,
            coupons_servicer(store, programs, times, sealing),
        ),
        (
            badges_pb2_grpc.add_BadgesServiceServicer_to_server,
            BadgesServicer(
                BadgeHandlers(
                    store, programs, Turns(), now=now, new_id=new_id, new_salt=partial(secrets.token_hex, 16)
                ),
                BadgeReads(store, programs, service=SERVICE),
            ),
        ),
        (
            proofs_pb2_grpc.add_ProofServiceServicer_to_server,
            ProofsServicer(ProofHandlers(store, service=SERVICE)),
        ),
        (
            reports_pb2_grpc.add_ReportsServiceServicer_to_server,
            ReportsServicer(
                programs,
                ReportHandlers(
                    store, programs, times, FollowHandlers(store, programs, service=SERVICE, now=now)
                ),
                TierReportHandlers(store, programs, times),
                fairness,
                UsageHandlers(store, programs, times),
            ),
        ),
    ]


def ledger_jobs(
    platform: Platform,
    store: BenefitsStore,
    programs: ProgramHandlers,
    times: ProgramTimes,
    leases: Leases,
) -> list[Coroutine[Any, Any, None]]:
    """What proves the ledger and publishes figures on the clock, where the leases are held."""
    follow = FollowHandlers(store, programs, service=SERVICE, now=now)
    usage = UsageHandlers(store, programs, times)
    return [
        LedgerIdentity(VerificationHandlers(store), leases).run(),
        Rounds(
            LEDGER_CHECKS,
            leases,
            store.program_ids,
            turn=LedgerFollowing(follow).turn,
            find=follow.behind_seconds,
            told=Number(LEDGER_UNVERIFIED_SECONDS),
            every_seconds=FOLLOW_SECONDS,
        ).run(),
        _closing(LEDGER_ROOTS, CHAINED, LEDGER_UNROOTED_SECONDS, platform, store, programs, leases),
        _closing(BADGE_ROOTS, BADGES_CHAINED, BADGES_UNROOTED_SECONDS, platform, store, programs, leases),
        Rounds(
            LIABILITY,
            leases,
            store.program_ids,
            turn=nothing,
            find=ReportHandlers(store, programs, times, follow).points,
            told=PointsCost(),
            every_seconds=LIABILITY_SECONDS,
        ).run(),
        Rounds(
            USAGE,
            leases,
            usage.programs,
            turn=usage.go_on,
            find=usage.late_seconds,
            told=Number(USAGE_UNPUBLISHED_SECONDS),
            every_seconds=USAGE_SECONDS,
        ).run(),
    ]


def _closing(
    lease: str,
    chain: Chained,
    told: Gauge,
    platform: Platform,
    store: BenefitsStore,
    programs: ProgramHandlers,
    leases: Leases,
) -> Coroutine[Any, Any, None]:
    """What closes the days of a chain, where the lease is held."""
    anchors = Anchors(platform.database, chain.roots, platform.heads_file(), root_from)
    roots = RootHandlers(chain, store, programs, platform.signer(), anchors, now=now)
    return Rounds(
        lease,
        leases,
        store.program_ids,
        turn=roots.close,
        find=roots.late_seconds,
        told=Number(told),
        every_seconds=CLOSE_SECONDS,
    ).run()


async def main() -> None:
    """Serve until asked to stop."""
    settings = read_settings(Settings)
    platform = Platform.of(SERVICE, settings)
    await platform.prepare(ensure_indexes)
    store = BenefitsStore(platform.database)
    programs = ProgramHandlers(store, now)
    scoring = ScoringClient(settings.scoring_address, tls=platform.certificates)
    members = MembersClient(settings.members_address, tls=platform.certificates)
    explanation = ExplanationClient(settings.scoring_address, tls=platform.certificates)
    times = ProgramTimes(store, programs, Clocks(members.clocks), now)
    risk = RiskClient(settings.risk_address, tls=platform.certificates)
    surroundings = Surroundings(store, risk)
    deciding = Deciding(scoring, surroundings)
    reviews = TierReviews(store, deciding, members, times, now=now, new_id=new_id)
    decisions = DecisionHandlers(store, programs, deciding, members, times, reviews, now=now, new_id=new_id)
    overrides = OverrideHandlers(store, programs, times, members, deciding, reviews, now=now, new_id=new_id)
    activities = ActivityHandlers(store, programs, times, now=now, new_id=new_id)
    platform.relay(outbox.STREAM, outbox.READERS)
    birthdays = BirthdayHandlers(store, programs, times)
    learned = MemberEvents(
        decisions,
        activities,
        birthdays,
        BreakGlassHandlers(store, programs, times, now, new_id),
        partial(keep_homes, platform.database),
    )
    platform.consume(consumers.STREAM, learned.apply)
    held = HeldUpgrades(store, programs, times, members, deciding, reviews, now=now, new_id=new_id)
    platform.consume(consumers.RISK_STREAM, RiskEvents(held).apply)
    sealing = Sealing.of_file(settings.webhook_key_file)
    await CouponKeys(store, sealing, secrets.token_bytes).reseal()
    leases = platform.lease(
        [
            LEDGER_SUM,
            LEDGER_CHECKS,
            LEDGER_ROOTS,
            BADGE_ROOTS,
            LIABILITY,
            FAIRNESS,
            USAGE,
            NOTICES,
            WEBHOOKS,
            HOLDS,
            RECALCULATION,
            SIMULATION,
            CALIBRATION,
        ],
        group="jobs",
    )
    fairness = FairnessHandlers(store, programs, times, members, explanation)
    recalculation = RecalculationHandlers(store, deciding, members, times, now=now, new_id=new_id)
    reports = ReportHandlers(
        store, programs, times, FollowHandlers(store, programs, service=SERVICE, now=now)
    )
    walks = WalkClient(settings.members_address, settings.scoring_address, tls=platform.certificates)
    thresholds = ThresholdHandlers(store, times, reports, walks, surroundings)
    simulating = SimulatingHandlers(store, recalculation, reports, walks, surroundings, times, now=now)
    spending = Spending(now=now, new_id=new_id)
    sending = Sending(store, programs, [WebhookChannel(new_id)], now=now)
    platform.tasks += [
        *ledger_jobs(platform, store, programs, times, leases),
        Rounds(
            FAIRNESS,
            leases,
            store.program_ids,
            turn=nothing,
            find=fairness.problems,
            told=Number(FAIRNESS_PROBLEMS),
            every_seconds=FAIRNESS_SECONDS,
        ).run(),
        NoticeSending(sending, times, leases).run(),
        Recalculations(recalculation, leases).run(),
        Simulations(simulating, leases).run(),
        Calibrations(CalibrationHandlers(store, thresholds, now=now), leases).run(),
        HoldEnds(HoldEnding(store, programs, times, spending, now), leases).run(),
    ]
    platform.calendar(
        times.all,
        ScheduledVersions(store, programs, now=now, new_id=new_id),
        CalibrationDates(store, programs),
        ReviewCalendar(store, programs, members, decisions, reviews),
        TierRewards(store, programs, times, now=now, new_id=new_id),
        LotMaturity(store, programs, pending=True, now=now, new_id=new_id),
        LotMaturity(store, programs, pending=False, now=now, new_id=new_id),
        ContractReminders(store, programs, now=now, new_id=new_id),
        ContractEnds(store, programs, now=now),
        RedemptionEnds(store, programs, spending, now=now),
        ReservationEnds(store),
        ExpiryNotices(store, programs, now=now, new_id=new_id),
        BirthdayGreetings(store, programs, now=now, new_id=new_id),
    )
    platform.tasks.append(webhook_sender(settings, store, programs, times, leases, sealing).run())
    server = RpcServer(settings, outages=OUTAGES, audit_read=Auditor(platform.database, now).read)
    platform.audit(server)
    platform.chain(CHAINED, BADGES_CHAINED)
    explaining = explaining_handlers(store, programs, times, members, explanation, surroundings)
    previews = TierPreviews(deciding, members)
    for register, served in servicers(
        platform,
        settings,
        programs,
        times,
        sealing,
        explaining,
        fairness,
        overrides,
        previews,
        thresholds,
    ):
        server.add(register, served)
    await serve(server, settings, platform.work())
    await scoring.close()
    await risk.close()
    await members.close()
    await explanation.close()
    await walks.close()
    await platform.close()


def run() -> None:
    """Run the service."""
    run_service(SERVICE, main, ensure_indexes)
