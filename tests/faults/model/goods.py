"""The goods of the model: a reward with a stock, a coupon with a limit, and contracts one after another."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from libs.common.contract_policy import Plan
from services.benefits.domain.contract_periods import Period
from services.benefits.domain.contracts import Contract, Sale
from tests.faults.final import Goods
from tests.faults.model.bugs import Bug
from tests.faults.model.services import Services
from tests.faults.model.store import Document

PRICE, STOCK, USES_MAX = 5, 10_000, 8
BEGIN, YEAR = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=365)
REWARD, CAMPAIGN, COUPON = "cup", "model/ten_off", "coupon"
CARD = Plan.model_validate(
    {
        "key": "card",
        "group": "card",
        "name": {"zh": "年卡", "en": "Card"},
        "amount_minor": 100,
        "term_months": 12,
    }
)


class Refused(Exception):
    """There is none of it."""


@dataclass
class Shelf:
    """What is sold over the store of the services; each call is one transaction, done once under its key."""

    services: Services
    # How many periods a member had whenever somebody read that: the last but one is stale.
    _periods: dict[str, list[int]] = field(default_factory=dict)

    def redeem(self, key: str, effect: str) -> str:
        """Take a reward off the stock, hold its points, keep the redemption."""
        begun = self.services.store.begin()
        if (answer := self.services.answered(begun, key)) is not None:
            return answer
        redemption, hold = f"rdm-{key}", f"hld-{key}"
        taken = (begun.get("rewards", REWARD) or {"taken": 0})["taken"] + 1
        begun.put("redemptions", redemption, {"effect": effect, "state": "reserved", "hold": hold})
        begun.put("holds", hold, {"redemption": redemption, "state": "open"})
        begun.put("answers", key, {"result": redemption})
        return self.services.committed(begun, redemption, apart=("rewards", REWARD, {"taken": taken}))

    def cancel(self, key: str, redemption: str) -> str:
        """Give back the stock and the points of a redemption that is reserved."""
        begun, blind = self.services.store.begin(), self.services.bug is Bug.CANCELLED_AGAIN
        known = begun.get("redemptions", redemption)
        if known is None:
            raise Refused
        if not blind and known["state"] != "reserved":
            return redemption
        taken = (begun.get("rewards", REWARD) or {"taken": 0})["taken"] - (known["state"] == "reserved")
        begun.put("redemptions", redemption, {**known, "state": "cancelled"})
        begun.put("holds", known["hold"], {"redemption": redemption, "state": "released"})
        begun.put("moves", self.services.fresh(), {"hold_id": known["hold"], "kind": "release"})
        return self.services.committed(begun, redemption, apart=("rewards", REWARD, {"taken": taken}))

    def use(self, key: str, effect: str) -> str:
        """Take one of the uses of the campaign, of which there are few."""
        begun = self.services.store.begin()
        if (answer := self.services.answered(begun, key)) is not None:
            return answer
        taken = (begun.get("campaigns", CAMPAIGN) or {"taken": 0})["taken"]
        # Read before the transaction it may be some uses old.
        seen = taken - taken % 3 if self.services.bug is Bug.LIMIT_READ_BEFORE else taken
        if seen >= USES_MAX:
            raise Refused
        begun.put("reservations", f"cpr-{key}", {"effect": effect})
        begun.put("answers", key, {"result": key})
        return self.services.committed(begun, key, apart=("campaigns", CAMPAIGN, {"taken": taken + 1}))

    def sell(self, key: str, effect: str, member: str) -> str:
        """A year behind the last one of the member."""
        begun = self.services.store.begin()
        if (answer := self.services.answered(begun, key)) is not None:
            return answer
        years = (begun.get("sold", member) or {"years": 0})["years"]
        read = self._periods.setdefault(member, [])
        read.append(years)
        year = read[-2] if self.services.bug is Bug.STALE_PERIOD and len(read) > 1 else years
        begun.put("contracts", f"ctr-{key}", {"effect": effect, "member": member, "year": year})
        begun.put("answers", key, {"result": key})
        return self.services.committed(begun, key, apart=("sold", member, {"years": years + 1}))

    def effects(self) -> list[str]:
        """What is there of what clients asked for."""
        rows = self.services.store.rows
        tables = ("redemptions", "reservations", "contracts")
        found = [each["effect"] for name in tables for each in rows(name).values()]
        gone = [name for name, each in rows("redemptions").items() if each["state"] == "cancelled"]
        return found + [f"Cancel/{name}" for name in gone]

    def goods(self) -> Goods:
        """All of it, in the form in which the platform stores it."""
        rows = self.services.store.rows
        taken = rows("rewards").get(REWARD, {"taken": 0})["taken"]
        used = rows("campaigns").get(CAMPAIGN, {"taken": 0})["taken"]
        return Goods(
            rewards=[{"reward_id": REWARD, "taken": taken, "stocked": STOCK, "counted": True}],
            redemptions=[_redemption(name, each) for name, each in rows("redemptions").items()],
            holds=[_hold(name, each) for name, each in rows("holds").items()],
            moves=[dict(each) for each in rows("moves").values()],
            campaigns=[_campaign(used)],
            coupons=[{"_id": COUPON, "campaign_id": CAMPAIGN, "taken_count": used}],
            reservations=[_reservation(name) for name in rows("reservations")],
            contracts=[_contract(name, each) for name, each in rows("contracts").items()],
        )


def _redemption(name: str, stored: Document) -> dict[str, object]:
    return {
        "_id": name,
        "reward_id": REWARD,
        "state": stored["state"],
        "hold_id": stored["hold"],
        "price_points": PRICE,
        "grant": None,
        "fulfilled_time": None,
        "ended_time": None,
    }


def _hold(name: str, stored: Document) -> dict[str, object]:
    return {
        "_id": name,
        "external_ref": stored["redemption"],
        "state": stored["state"],
        "points": PRICE,
        "returned": 0,
    }


def _campaign(used: int) -> dict[str, object]:
    return {
        "_id": CAMPAIGN,
        "taken_count": used,
        "taken_minor": used,
        "terms": {
            "start_time": BEGIN,
            "end_time": BEGIN + YEAR,
            "uses_max": USES_MAX,
            "uses_per_coupon_max": USES_MAX,
            "uses_per_member_max": 0,
            "budget_minor": 0,
        },
    }


def _reservation(name: str) -> dict[str, object]:
    item = {"campaign_id": CAMPAIGN, "coupon_id": COUPON, "off_minor": 1, "takers": []}
    return {
        "_id": name,
        "status": "open",
        "reserved_time": BEGIN,
        "returned_coupon_ids": [],
        "items": [item],
    }


def _contract(name: str, stored: Document) -> Contract:
    start = BEGIN + stored["year"] * YEAR
    return Contract(
        contract_id=name,
        program_id="model",
        member_id=stored["member"],
        terms=CARD,
        sale=Sale(1, "till", name, "digest", 100, BEGIN),
        period=Period(start, start + YEAR, BEGIN.date()),
        since_time=BEGIN,
        until_time=start + YEAR,
    )
