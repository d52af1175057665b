"""The report of a program's points: where they are, what they are worth, and what may become of them.

**Expected redemption** is what months that are closed have shown: of their
points that were either spent or expired, the share that was spent. Closed are
the months from the first one up to the last before any of whose points is
outstanding; of these the last 24 count. A month that happens to be spent
sooner than its neighbours is not, as it would make the share too high. As long
as no month is closed, all points are expected to be redeemed.

**Liability** is what is outstanding, times its value, times expected
redemption, rounded up; of each month alike, by what its own points are worth.

**Breakage** of a month is what expired of its points that were spent or expired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from zoneinfo import ZoneInfo

from libs.common.clock import months_later
from libs.common.documents import WHOLE_BP
from libs.common.redemption_policy import Redemption
from services.benefits.domain.cohorts import ACTIVE, COLUMNS, OUTSTANDING, STATES
from services.benefits.domain.ledger import EXPIRED, ISSUER, SPENT
from services.benefits.domain.value import worth_bp

MONTHS_COUNTED = 24


@dataclass(frozen=True, slots=True)
class Conservation:
    """Where all issued points are, by state; the difference is 0, or the books are wrong."""

    issued: int
    states: Mapping[str, int]

    @classmethod
    def of(cls, balances: Mapping[str, int]) -> "Conservation":
        """By the balances of accounts by purpose; what has no purpose members spend from."""
        states = dict.fromkeys(STATES, 0)
        for purpose, points in balances.items():
            if purpose != ISSUER:
                states[purpose or ACTIVE] = states.get(purpose or ACTIVE, 0) + points
        return cls(-balances.get(ISSUER, 0), states)

    @property
    def difference(self) -> int:
        """What was issued and is nowhere."""
        return self.issued - sum(self.states.values())


@dataclass(frozen=True, slots=True)
class Cohort:
    """The points of a month, by column."""

    month: str
    points: Mapping[str, int]

    def __getitem__(self, column: str) -> int:
        assert column in COLUMNS, column
        return self.points.get(column, 0)

    @property
    def outstanding(self) -> int:
        """What may still be spent, or expire."""
        return sum(self[each] for each in OUTSTANDING)

    @property
    def breakage_bp(self) -> int:
        """The share that expired of what was spent or expired; 0 as long as nothing was."""
        ended = self[SPENT] + self[EXPIRED]
        return self[EXPIRED] * WHOLE_BP // ended if ended > 0 else 0


@dataclass(frozen=True, slots=True)
class ExpectedRedemption:
    """The share of points that is expected to be redeemed, and on how many months it rests: 0 is assumed."""

    redeemed_bp: int
    months: int


@dataclass(frozen=True, slots=True)
class PointsReport:
    """Everything of one moment, but cohorts: they count what was verified, and are behind by so long."""

    conservation: Conservation
    arrears: int
    cohorts: Sequence[Cohort]
    redemption: Redemption
    as_of: datetime
    time_zone: str
    behind_seconds: float = 0.0

    @property
    def outstanding(self) -> int:
        """What lots hold: members who are in arrears have nothing, not less."""
        return sum(self.conservation.states[each] for each in OUTSTANDING) + self.arrears

    @property
    def expected(self) -> ExpectedRedemption:
        """By closed cohorts."""
        return expected_redemption(self.cohorts)

    def worth_bp(self, cohort: Cohort) -> int:
        """What a point of a month is worth, by the month's last moment: none of its points is younger."""
        return worth_bp(self.redemption, month_end(cohort.month, self.time_zone), self.as_of)

    def cohort_liability_minor(self, cohort: Cohort) -> int:
        """What is owed for the outstanding points of a month; each month is rounded up by itself."""
        worth = cohort.outstanding * self.worth_bp(cohort) * self.redemption.value_minor
        return -(-worth * self.expected.redeemed_bp // (self.redemption.points * WHOLE_BP**2))

    @property
    def liability_minor(self) -> int:
        """What is owed for outstanding points; depreciated as the cohorts are on average."""
        counted = sum(each.outstanding for each in self.cohorts)
        worth = sum(each.outstanding * self.worth_bp(each) for each in self.cohorts)
        shares = (worth, counted * WHOLE_BP) if counted > 0 else (1, 1)
        numerator = self.outstanding * self.redemption.value_minor * shares[0] * self.expected.redeemed_bp
        return -(-numerator // (self.redemption.points * shares[1] * WHOLE_BP))


def expected_redemption(cohorts: Sequence[Cohort]) -> ExpectedRedemption:
    """By the cohorts of a program, the oldest first; rounded down to a basis point."""
    closed = list(takewhile(lambda each: each.outstanding == 0, cohorts))[-MONTHS_COUNTED:]
    spent, expired = (sum(each[column] for each in closed) for column in (SPENT, EXPIRED))
    if spent + expired <= 0:
        return ExpectedRedemption(WHOLE_BP, 0)
    return ExpectedRedemption(spent * WHOLE_BP // (spent + expired), len(closed))


def month_end(month: str, time_zone: str) -> datetime:
    """When a month ends in a time zone."""
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=ZoneInfo(time_zone))
    return months_later(first, 1)
