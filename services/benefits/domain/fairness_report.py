"""The report of fairness: what was found in a program as of a time, and how much somebody should look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.fairness_policy import Fairness
from services.benefits.domain.equal_treatment import Equality
from services.benefits.domain.fairness import Audit


@dataclass(frozen=True, slots=True)
class FairnessReport:
    """What was found in a program as of a time."""

    as_of: datetime
    program_version: int
    policy: Fairness
    tiers: Mapping[str, Sequence[str]]
    members: int
    audits: Sequence[Audit]
    equality: Equality
    replayed: Mapping[str, bool]
    seed: str

    @property
    def findings(self) -> int:
        """Rates that somebody should look at."""
        return sum(each.findings for each in self.audits)

    @property
    def problems(self) -> int:
        """All that somebody should look at: rates, unequal decisions, and those that come out otherwise."""
        return self.findings + len(self.equality.unequal) + sum(not each for each in self.replayed.values())
