"""Use cases around webhooks: who is sent notices, by which secrets, and what became of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.mongo import Request
from libs.common.sealing import Sealing
from services.benefits.domain.addresses import target_of
from services.benefits.domain.errors import DeliveryUnknown, EndpointsTooMany, EndpointUnknown
from services.benefits.domain.signatures import SECRET_BYTES, secret_text
from services.benefits.domain.webhooks import (
    ENDPOINTS_MAX,
    OLD_SECRET_FOR,
    Delivery,
    DeliveryStatus,
    Endpoint,
    Secret,
    changed,
    rotated,
)
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.repository import deliveries, webhooks
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)

REPLAYED_MAX = 500


def about(endpoint_id: str) -> str:
    """What the secret of an endpoint is sealed for."""
    return f"webhook secret of {endpoint_id}"


@dataclass(frozen=True, slots=True)
class Counted:
    """An endpoint with how many deliveries wait there, and how many were given up."""

    endpoint: Endpoint
    waiting: int = 0
    dead: int = 0


class WebhookHandlers:
    """Keeps endpoints and their secrets, and answers what was sent to them.

    A secret is told once, in the answer that makes it. That answer is kept for
    replays as every other, with the secret sealed in it.
    """

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        sealing: Sealing,
        *,
        loopback: bool,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
        new_secret: Callable[[int], bytes],
    ) -> None:
        self._store, self._programs, self._sealing, self._loopback = store, programs, sealing, loopback
        self._now, self._new_id, self._new_secret = now, new_id, new_secret

    async def create(
        self, program_id: str, url: str, codes: Sequence[str], request: Request[M], answer: "ToldOnce[M]"
    ) -> M:
        target_of(url, loopback=self._loopback)
        await self._programs.live(program_id)

        async def attempt(benefits: BenefitsStore) -> M:
            place = len(await webhooks.endpoints_of(benefits, program_id)) + 1
            if place > ENDPOINTS_MAX:
                raise EndpointsTooMany(endpoints=place - 1)
            endpoint_id, secret = self._new_id("whk"), self._new_secret(SECRET_BYTES)
            endpoint = Endpoint(
                endpoint_id=endpoint_id,
                program_id=program_id,
                place=place,
                url=url,
                codes=tuple(codes),
                enabled=True,
                created_time=self._now(),
                secrets=(Secret(self._sealing.seal(secret, about(endpoint_id))),),
            )
            await webhooks.keep_endpoint(benefits, endpoint)
            await self._record(benefits, request, endpoint, before=None)
            return answer(Counted(endpoint), self._sealed_answer(secret, request))

        return self._told(await self._store.once(request, attempt, now=self._now), request)

    async def endpoints(self, program_id: str) -> list[Counted]:
        """The endpoints of a program with their counts, oldest first."""
        return await self._counted(self._store, await webhooks.endpoints_of(self._store, program_id))

    async def update(
        self,
        program_id: str,
        endpoint_id: str,
        *,
        enabled: bool,
        codes: Sequence[str],
        url: str,
        request: Request[M],
        answer: Callable[[Counted], M],
    ) -> M:
        """Stop, resume or move an endpoint, or send it other codes; without a URL it stays where it is."""
        if url:
            target_of(url, loopback=self._loopback)

        async def attempt(benefits: BenefitsStore) -> M:
            before = await _endpoint(benefits, program_id, endpoint_id)
            endpoint = changed(before, enabled=enabled, codes=tuple(codes), url=url)
            await webhooks.keep_endpoint(benefits, endpoint)
            await self._record(benefits, request, endpoint, before=_of_endpoint(before))
            (counted,) = await self._counted(benefits, [endpoint])
            return answer(counted)

        return await self._store.once(request, attempt, now=self._now)

    async def rotate(self, program_id: str, endpoint_id: str, request: Request[M], answer: "Rotated[M]") -> M:
        async def attempt(benefits: BenefitsStore) -> M:
            before, secret = (
                await _endpoint(benefits, program_id, endpoint_id),
                self._new_secret(SECRET_BYTES),
            )
            now = self._now()
            endpoint = rotated(before, self._sealing.seal(secret, about(endpoint_id)), now)
            await webhooks.keep_endpoint(benefits, endpoint)
            await self._record(benefits, request, endpoint, before=_of_endpoint(before))
            (counted,) = await self._counted(benefits, [endpoint])
            return answer(counted, self._sealed_answer(secret, request), now + OLD_SECRET_FOR)

        return self._told(await self._store.once(request, attempt, now=self._now), request)

    async def deliveries(
        self,
        program_id: str,
        *,
        endpoint_id: str,
        status: DeliveryStatus | None,
        after: str | None,
        limit: int,
    ) -> tuple[list[Delivery], str | None]:
        """A page of deliveries, latest first, and where the next one goes on."""
        found = await deliveries.page(
            self._store, program_id, endpoint_id=endpoint_id, status=status, after=after, limit=limit + 1
        )
        return found[:limit], found[limit - 1].delivery_id if len(found) > limit else None

    async def replay(
        self,
        program_id: str,
        endpoint_id: str,
        delivery_ids: Sequence[str],
        request: Request[M],
        answer: Callable[[int], M],
    ) -> M:
        """Send again what has ended: these, or the oldest of what was given up."""

        async def attempt(benefits: BenefitsStore) -> M:
            endpoint = await _endpoint(benefits, program_id, endpoint_id)
            found = await deliveries.ended(benefits, endpoint_id, delivery_ids, REPLAYED_MAX)
            if missing := set(delivery_ids) - {each.delivery_id for each in found}:
                raise DeliveryUnknown(delivery_id=min(missing))
            await deliveries.replay(benefits, found, self._now())
            act = Act(request, [endpoint.endpoint_id], after={"replayed": len(found)})
            await trail.record(benefits.database, benefits.session, act, now=self._now())
            return answer(len(found))

        return await self._store.once(request, attempt, now=self._now)

    async def _counted(self, store: BenefitsStore, endpoints: Sequence[Endpoint]) -> list[Counted]:
        counts = await webhooks.counts(store, [each.endpoint_id for each in endpoints])
        return [
            Counted(each, counts[each.endpoint_id, "waiting"], counts[each.endpoint_id, "dead"])
            for each in endpoints
        ]

    async def _record(
        self,
        benefits: BenefitsStore,
        request: Request[Any],
        endpoint: Endpoint,
        *,
        before: Mapping[str, object] | None,
    ) -> None:
        act = Act(request, [endpoint.endpoint_id], before=before, after=_of_endpoint(endpoint))
        await trail.record(benefits.database, benefits.session, act, now=self._now())

    def _sealed_answer(self, secret: bytes, request: Request[Any]) -> str:
        """The secret as the kept answer holds it."""
        return self._sealing.seal(secret_text(secret).encode(), request.key).hex()

    def _told(self, answer: M, request: Request[M]) -> M:
        """The answer, the first or a replayed one, as its caller gets it."""
        told: Any = answer
        told.secret = self._sealing.open(bytes.fromhex(told.secret), request.key).decode()
        return answer


ToldOnce = Callable[[Counted, str], M]
Rotated = Callable[[Counted, str, datetime], M]


async def _endpoint(store: BenefitsStore, program_id: str, endpoint_id: str) -> Endpoint:
    """An endpoint of the program; another's is as unknown as none."""
    found = await webhooks.endpoint(store, endpoint_id)
    if found is None or found.program_id != program_id:
        raise EndpointUnknown(endpoint_id=endpoint_id)
    return found


def _of_endpoint(endpoint: Endpoint) -> Mapping[str, object]:
    """What an audit record says of an endpoint: not its path, which may hold a key, and no secret."""
    return {
        "host": target_of(endpoint.url, loopback=True).host,
        "codes": list(endpoint.codes),
        "enabled": endpoint.enabled,
        "secrets": len(endpoint.secrets),
    }
