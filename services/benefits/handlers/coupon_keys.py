"""The keys by which codes of coupons are digested: whoever has the database alone cannot try codes."""

from collections.abc import Callable

from libs.common.sealing import SealBroken, Sealing
from libs.common.telemetry import log
from services.benefits.domain.coupon_codes import code_digest
from services.benefits.repository import coupon_keys
from services.benefits.repository.store import BenefitsStore

KEY_BYTES = 32


class CouponKeys:
    """One key for each program, made when it is first needed, the same for ever, and sealed."""

    def __init__(self, store: BenefitsStore, sealing: Sealing, new_secret: Callable[[int], bytes]) -> None:
        self._store, self._sealing, self._new_secret = store, sealing, new_secret
        self._keys: dict[str, bytes] = {}

    async def digests(self, program_id: str, codes: list[str]) -> list[bytes]:
        """What is kept of codes of a program that there is."""
        key = self._keys.get(program_id)
        if key is None:
            key = self._keys[program_id] = await self._key(program_id)
        return [code_digest(key, program_id, code) for code in codes]

    async def _key(self, program_id: str) -> bytes:
        sealed = await coupon_keys.sealed_key(self._store, program_id)
        if sealed is None:
            fresh = self._sealing.seal(self._new_secret(KEY_BYTES), _about(program_id))
            await coupon_keys.add(self._store, program_id, fresh)
            sealed = await coupon_keys.sealed_key(self._store, program_id)
            assert sealed is not None, "keys are never removed"
        return self._sealing.open(sealed, _about(program_id))

    async def reseal(self) -> None:
        """Seal what an older key has sealed by the newest: at every start, as keys change with a restart."""
        async for program_id, sealed in coupon_keys.all_sealed(self._store):
            if self._sealing.by_newest(sealed):
                continue
            try:
                key = self._sealing.open(sealed, _about(program_id))
            except SealBroken as broken:
                log("coupons").error("key unreadable", program_id=program_id, error=str(broken))
                continue
            fresh = self._sealing.seal(key, _about(program_id))
            await coupon_keys.replace(self._store, program_id, sealed, fresh)


def _about(program_id: str) -> str:
    return f"coupon codes of {program_id}"
