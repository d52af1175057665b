"""Callers of shared calls: each named by the digest of their token, which is sent in full when it is new."""

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from libs.common.caller import Principal

KNOWN_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody for whom we read; `name` is whose turn it is, whichever of their tokens they come with."""

    digest: bytes
    token: str
    name: tuple[str, str, str | None]

    @classmethod
    def of(cls, principal: Principal) -> "Caller":
        """A verified principal as a caller."""
        return cls(
            _digest(principal.token),
            principal.token,
            (principal.kind, principal.subject, principal.program_id),
        )

    def __repr__(self) -> str:
        # Whoever has a digest has what its caller may read.
        return f"Caller(name={self.name})"


class KnownCallers:
    """Digests that a service has seen with their tokens; bounded, what was told longest ago leaves first."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def tokens(self, callers: Sequence[Caller], *, all_new: bool) -> list[str]:
        """The tokens to send with callers, empty for whom the service knows; none where it knows all."""
        new = [all_new or caller.digest not in self._known for caller in callers]
        if not any(new):
            return []
        return [caller.token if is_new else "" for caller, is_new in zip(callers, new, strict=True)]

    def told(self, callers: Sequence[Caller], unknown: Collection[bytes]) -> None:
        """The service has been told of these callers, and says of some that it does not know them."""
        for caller in callers:
            if caller.digest in unknown:
                self._known.pop(caller.digest, None)
            else:
                self._known[caller.digest] = None
        while len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)


@lru_cache(maxsize=1024)  # whoever asks does so again; tokens are verified before, and no secret of ours
def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
