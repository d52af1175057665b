"""Builds and wires the benefits service; the only file that knows every part of it."""

import random
import secrets
from functools import partial

from laurel.benefits.v1 import benefits_pb2_grpc, notices_pb2_grpc
from libs.common.audit.trail import Auditor
from libs.common.clock import now
from libs.common.clocks import Clocks
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from libs.common.leases import Leases
from libs.common.mongo import OUTAGES
from libs.common.pipeline import PipelineReader
from libs.common.rpc.server import RpcServer
from libs.common.sealing import Sealing
from libs.common.service import Platform, run_service, serve
from libs.common.settings import read_settings
from services.benefits import consumers, outbox
from services.benefits.clients import MembersClient, ScoringClient
from services.benefits.consumers import MemberEvents
from services.benefits.handlers.activity import ActivityHandlers
from services.benefits.handlers.decisions import DecisionHandlers
from services.benefits.handlers.deliveries import Delivering
from services.benefits.handlers.expiry_notices import ExpiryNotices
from services.benefits.handlers.maturity import LotMaturity
from services.benefits.handlers.notices import NoticeHandlers
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.reads import ReadHandlers
from services.benefits.handlers.sending import Sending
from services.benefits.handlers.times import ProgramTimes
from services.benefits.handlers.verification import VerificationHandlers
from services.benefits.handlers.webhook_channel import WebhookChannel
from services.benefits.handlers.webhook_upkeep import WebhookUpkeep
from services.benefits.handlers.webhooks import WebhookHandlers
from services.benefits.jobs import LEDGER_SUM, NOTICES, LedgerIdentity, NoticeSending
from services.benefits.notices_servicer import NoticesServicer
from services.benefits.outgoing import Poster, tls_context
from services.benefits.repository.indexes import ensure_indexes
from services.benefits.repository.store import BenefitsStore
from services.benefits.sender import WEBHOOKS, WebhookSender
from services.benefits.servicer import BenefitsServicer
from services.benefits.settings import Settings

SERVICE = "benefits"


def servicer(platform: Platform, programs: ProgramHandlers) -> BenefitsServicer:
    """The servicer with its handlers."""
    store = BenefitsStore(platform.database)
    return BenefitsServicer(
        programs=programs,
        reads=ReadHandlers(store, programs),
        verification=VerificationHandlers(store),
        pipeline=PipelineReader(
            SERVICE, platform.database, platform.redis, [consumers.STREAM], store.positions
        ),
        watches=platform.watches(outbox.STREAM),
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


async def main() -> None:
    """Serve until asked to stop."""
    settings = read_settings(Settings)
    platform = Platform.of(SERVICE, settings)
    await platform.prepare(ensure_indexes)
    store = BenefitsStore(platform.database)
    programs = ProgramHandlers(store, now)
    scoring = ScoringClient(settings.scoring_address, tls=platform.certificates)
    members = MembersClient(settings.members_address, tls=platform.certificates)
    times = ProgramTimes(store, programs, Clocks(members.clocks), now)
    decisions = DecisionHandlers(store, programs, scoring, members, times, now=now, new_id=new_id)
    activities = ActivityHandlers(store, programs, times, now=now, new_id=new_id)
    platform.relay(outbox.STREAM, outbox.READERS)
    platform.consume(
        consumers.STREAM, MemberEvents(decisions, activities, partial(keep_homes, platform.database)).apply
    )
    sealing = Sealing.of_file(settings.webhook_key_file)
    leases = Leases(
        platform.database, [LEDGER_SUM, NOTICES, WEBHOOKS], group="jobs", holder=platform.holder, now=now
    )
    sending = Sending(store, programs, [WebhookChannel(new_id)], now=now)
    platform.tasks += [
        leases.run(),
        LedgerIdentity(VerificationHandlers(store), leases).run(),
        NoticeSending(sending, times, leases).run(),
    ]
    platform.calendar(
        times.all,
        LotMaturity(store, programs, pending=True, now=now, new_id=new_id),
        LotMaturity(store, programs, pending=False, now=now, new_id=new_id),
        ExpiryNotices(store, programs, now=now, new_id=new_id),
    )
    platform.tasks.append(webhook_sender(settings, store, programs, times, leases, sealing).run())
    server = RpcServer(settings, outages=OUTAGES, audit_read=Auditor(platform.database, now).read)
    platform.audit(server)
    server.add(benefits_pb2_grpc.add_BenefitsServiceServicer_to_server, servicer(platform, programs))
    notices = notices_servicer(platform, settings, programs, sealing)
    server.add(notices_pb2_grpc.add_NoticesServiceServicer_to_server, notices)
    await serve(server, settings, platform.tasks)
    await scoring.close()
    await members.close()
    await platform.close()


def run() -> None:
    """Run the service."""
    run_service(SERVICE, main, ensure_indexes)
