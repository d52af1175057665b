"""Wrong codes: who tries too many of them waits, so that guessing does not pay."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from libs.common.caller import caller
from libs.common.program import Program
from services.benefits.domain.errors import CouponGuessesTooMany
from services.benefits.repository import coupons
from services.benefits.repository.store import BenefitsStore

WINDOW_SECONDS = 600


@dataclass(frozen=True, slots=True)
class CouponGuesses:
    """Counts wrong codes in windows of ten minutes, in the database: for all replicas together.

    They count for the member that they are tried for, and for who calls: a
    partner stands for all its tills, so it may try more.
    """

    store: BenefitsStore
    now: Callable[[], datetime]

    async def require_few(self, program: Program, member_id: str) -> None:
        """Refuse who tried as many as they may in this window."""
        most = self._most(program, member_id)
        wrong = await coupons.wrong(self.store, list(most))
        if any(wrong.get(guesser, 0) >= bound for guesser, bound in most.items()):
            raise CouponGuessesTooMany(WINDOW_SECONDS - self.now().timestamp() % WINDOW_SECONDS)

    async def count(self, program: Program, member_id: str, wrong: int) -> None:
        """Count wrong codes."""
        if wrong:
            until = datetime.fromtimestamp((self._window() + 1) * WINDOW_SECONDS, UTC)
            guessers = list(self._most(program, member_id))
            await coupons.count_wrong(self.store, guessers, wrong, until)

    def _most(self, program: Program, member_id: str) -> dict[str, int]:
        """How many wrong codes each may try: the caller, and the member where that is somebody else."""
        policy, who, window = program.coupons, caller(), self._window()
        calls = (who.kind, who.subject, policy.wrong_codes_per_partner_max)
        tries = ("member", member_id, policy.wrong_codes_max)
        counted = [tries] if member_id == who.subject else [calls, *([tries] if member_id else [])]
        return {f"{program.key}/{kind}/{subject}/{window}": most for kind, subject, most in counted}

    def _window(self) -> int:
        return int(self.now().timestamp()) // WINDOW_SECONDS
