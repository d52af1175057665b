"""What each principal may still ask for: a bucket that fills again within a minute."""

import math
from collections import OrderedDict
from collections.abc import Callable

from libs.common.caller import Principal
from services.gateway.admission.limits import RateLimited

PRINCIPALS_KEPT = 10_000
MINUTE = 60.0


class Budgets:
    """One bucket per principal in this replica; who has not asked for longest is forgotten first."""

    def __init__(self, per_minute: int, now: Callable[[], float]) -> None:
        self._per_minute, self._now = per_minute, now
        self._left: OrderedDict[tuple[str, ...], tuple[float, float]] = OrderedDict()

    def spend(self, principal: Principal, cost: int) -> None:
        """Take a cost from the principal's bucket, or refuse and take nothing."""
        # No cost is above a full bucket, so everything that is allowed can be had some time.
        cost = min(cost, self._per_minute)
        key = (principal.program_id or "", principal.kind, principal.subject)
        now = self._now()
        left, since = self._left.pop(key, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - since) * self._per_minute / MINUTE)
        enough = left >= cost
        self._left[key] = (left - cost if enough else left, now)
        if len(self._left) > PRINCIPALS_KEPT:
            self._left.popitem(last=False)
        if not enough:
            raise RateLimited(math.ceil((cost - left) * MINUTE / self._per_minute))
