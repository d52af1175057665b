"""All operations that clients do.

To add one: a class with the fields and `ask` of Operation in a module beside
this one, its place here, and in `dump.py` the line that finds its effects in
the databases.
"""

from collections.abc import Sequence

from tests.faults.operations.asking import Operation
from tests.faults.operations.goods import (
    CancelCoupons,
    CancelRedemption,
    RedeemReward,
    ReserveCoupons,
    SellContract,
    UseCoupons,
)
from tests.faults.operations.joining import RegisterMembers
from tests.faults.operations.purchases import GraphRecordEvents, RecordEvents
from tests.faults.operations.reporting import ReportMember
from tests.faults.operations.tills import Cancel, Capture, Reserve, Reverse

# The first is done where another finds nothing to do yet.
OPERATIONS: Sequence[Operation] = (
    RecordEvents(),
    GraphRecordEvents(),
    RegisterMembers(),
    ReportMember(),
    Reserve(),
    Capture(),
    Cancel(),
    Reverse(),
    RedeemReward(),
    CancelRedemption(),
    ReserveCoupons(),
    UseCoupons(),
    CancelCoupons(),
    SellContract(),
)
