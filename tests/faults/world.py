"""A program of a run's own on a platform, with members, and ways to call it that repeat nothing unasked."""

import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx

from laurel.benefits.v1 import contracts_pb2_grpc, coupons_pb2_grpc, rewards_pb2_grpc, tills_pb2_grpc
from laurel.members.v1 import members_pb2, members_pb2_grpc
from laurel.risk.v1 import risk_pb2_grpc
from libs.cli import programs
from libs.cli.certificates import Authority
from libs.cli.clients import Clients, connected, connected_partner, signer, staff_token
from libs.cli.data_folder import RunFile
from libs.cli.retries import patiently
from libs.common import clock
from libs.common.ids import new_id
from libs.common.program import Program
from libs.common.rpc.time import timestamp
from libs.common.rpc.transport import tls_channel
from libs.common.tls import Certificates
from tests.faults.shelf import a_program, stocked

PARTNER, STORE = "till", "corner"
SHOPPERS, REPORTED = 40, 10
TOKEN_TTL = timedelta(hours=2)
# What was sent again behind our back would be unknown where we heard a refusal.
OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
)


class Checks:
    """The checks that points were reserved for, each handed out once for what follows."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._open: list[str] = []
        self._captured: list[str] = []

    def reserved(self, check: str) -> None:
        """Points are held for it."""
        self._once(f"held {check}", check, self._open)

    def captured(self, check: str) -> None:
        """They are spent."""
        self._once(f"captured {check}", check, self._captured)

    def to_resolve(self, chance: random.Random) -> str | None:
        """One to capture or to cancel."""
        return _taken(self._open, chance)

    def to_reverse(self, chance: random.Random) -> str | None:
        """One to give back."""
        return _taken(self._captured, chance)

    def _once(self, what: str, check: str, checks: list[str]) -> None:
        """Answers are repeated, and a check is not."""
        if what not in self._known:
            self._known.add(what)
            checks.append(check)


class Followed:
    """Things that may be followed once, each handed out to one client."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._open: list[str] = []

    def known(self, name: str) -> None:
        """It is there; answers are repeated, and it is not."""
        if name not in self._known:
            self._known.add(name)
            self._open.append(name)

    def to_follow(self, chance: random.Random) -> str | None:
        """One that nobody else has."""
        return _taken(self._open, chance)


def _taken(checks: list[str], chance: random.Random) -> str | None:
    return checks.pop(chance.randrange(len(checks))) if checks else None


@dataclass
class World:
    """One program as clients see it. `node` says which process serves a service just now."""

    run: RunFile
    program: Program
    shoppers: list[str]
    reported: list[str]
    partner: "members_pb2_grpc.MembersServiceAsyncStub"
    tills: "tills_pb2_grpc.TillsServiceAsyncStub"
    rewards: "rewards_pb2_grpc.RewardsServiceAsyncStub"
    coupons: "coupons_pb2_grpc.CouponsServiceAsyncStub"
    contracts: "contracts_pb2_grpc.ContractsServiceAsyncStub"
    risk: "risk_pb2_grpc.RiskServiceAsyncStub"
    graph: httpx.AsyncClient
    staff: Clients
    node: Callable[[str], str]
    codes: list[str]
    checks: Checks = field(default_factory=Checks)
    redemptions: Followed = field(default_factory=Followed)
    coupon_checks: Followed = field(default_factory=Followed)

    @property
    def program_id(self) -> str:
        return self.program.key

    def staff_token(self, subject: str, roles: Sequence[str]) -> str:
        """A token of somebody of the program's staff."""
        now = clock.now()
        return signer(self.run).token(
            subject, "staff", now=now, ttl=TOKEN_TTL, program_id=self.program_id, roles=roles
        )


@asynccontextmanager
async def a_world(run: RunFile, node: Callable[[str], str]) -> AsyncIterator[World]:
    """A program with a store, a partner and members; what dies while it is made is waited for."""
    program = a_program()
    async with AsyncExitStack() as ending:
        staff = await ending.enter_async_context(connected(run, staff_token(run, program.key)))
        await programs.publish(staff, program)
        await programs.create_store(staff, program.key, STORE, "At the corner")
        await programs.create_partner(staff, program.key, PARTNER, name="Till", stores=[STORE])
        partner = Authority(run.tls_folder).partner(program.key, PARTNER, now=clock.now())
        members = await _registered(run, program)
        codes = await stocked(staff, program)
        operator = Authority(run.tls_folder).files("operator")
        channels = [
            tls_channel(run.address(name), name, Certificates(files), OPTIONS)
            for name, files in (("members", partner), ("benefits", partner), ("risk", operator))
        ]
        to_members, to_benefits, to_risk = [await ending.enter_async_context(each) for each in channels]
        yield World(
            run=run,
            program=program,
            shoppers=members[:SHOPPERS],
            reported=members[SHOPPERS:],
            partner=members_pb2_grpc.MembersServiceStub(to_members),
            tills=tills_pb2_grpc.TillsServiceStub(to_benefits),
            rewards=rewards_pb2_grpc.RewardsServiceStub(to_benefits),
            coupons=coupons_pb2_grpc.CouponsServiceStub(to_benefits),
            contracts=contracts_pb2_grpc.ContractsServiceStub(to_benefits),
            risk=risk_pb2_grpc.RiskServiceStub(to_risk),
            graph=await ending.enter_async_context(_graph(run, program.key)),
            staff=staff,
            node=node,
            codes=codes,
        )


def _graph(run: RunFile, program_id: str) -> httpx.AsyncClient:
    """The graph as the partner asks it."""
    token = signer(run).token(
        PARTNER, "partner", now=clock.now(), ttl=TOKEN_TTL, program_id=program_id, stores=[STORE]
    )
    headers = {"authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=run.gateway_url, headers=headers, trust_env=False)


async def _registered(run: RunFile, program: Program) -> list[str]:
    """Ids of the members that there are from the beginning."""
    joined = timestamp(clock.now() - timedelta(days=30))
    request = members_pb2.RegisterMembersRequest(
        program_id=program.key,
        request_id=new_id("req"),
        registrations=[
            members_pb2.Registration(external_member_id=f"first-{number}", registered_time=joined)
            for number in range(SHOPPERS + REPORTED)
        ],
    )
    async with connected_partner(run, program.key, PARTNER) as partner:
        answer = await patiently(lambda: partner.members.RegisterMembers(request))
    return [result.member.member_id for result in answer.results]
