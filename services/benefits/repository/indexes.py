"""The indexes and validators of the benefits database."""

from datetime import timedelta

from libs.common.mongo import Collection, Database, Document, ensure_collection, ensure_common_indexes
from services.benefits.domain.ledger import ISSUER
from services.benefits.domain.notices import NoticeStatus
from services.benefits.repository.adjustments import ensure_adjustment_indexes
from services.benefits.repository.badges import ensure_badge_indexes
from services.benefits.repository.birthdays import ensure_birthday_indexes
from services.benefits.repository.calibrations import ensure_calibration_indexes
from services.benefits.repository.chaining import ensure_chaining
from services.benefits.repository.cohorts import ensure_cohort_indexes
from services.benefits.repository.contracts import ensure_contract_indexes
from services.benefits.repository.coupons import ensure_coupon_indexes
from services.benefits.repository.day_counts import ensure_day_counts
from services.benefits.repository.earned_days import ensure_earned_days
from services.benefits.repository.holds import ensure_hold_indexes
from services.benefits.repository.ledger import DRAWN, EXPIRING, PENDING
from services.benefits.repository.limit_refusals import ensure_limit_refusals
from services.benefits.repository.overrides import ensure_override_indexes
from services.benefits.repository.quotas import ensure_quota_indexes
from services.benefits.repository.reached import ensure_reached_indexes
from services.benefits.repository.redemptions import ensure_redemption_indexes
from services.benefits.repository.rewards import ensure_reward_indexes
from services.benefits.repository.simulations import ensure_simulation_indexes
from services.benefits.repository.standings import ensure_standing_indexes
from services.benefits.repository.usage import ensure_usage_indexes
from services.benefits.repository.webhooks import ensure_webhook_indexes

_WHOLE = {"bsonType": ["int", "long"]}
_COUNT = {**_WHOLE, "minimum": 0}
VALIDATORS: dict[str, Document] = {
    "accounts": {
        "required": ["program_id", "owner", "currency", "stripe", "balance", "arrears", "seq"],
        "properties": {
            "balance": _WHOLE,
            "arrears": _COUNT,
            "seq": _COUNT,
        },
        # The issuer owes what members hold. Members hold less than nothing only where a refund took more
        # than they had and the program lets them owe it, which is kept as arrears.
        "anyOf": [
            {"properties": {"owner": {"bsonType": "string", "pattern": f"^{ISSUER}:"}}},
            {"properties": {"balance": {"minimum": 0}}},
            {"properties": {"arrears": {"minimum": 1}}},
        ],
    },
    "entries": {
        "required": [
            "program_id",
            "transaction_id",
            "account_id",
            "seq",
            "points",
            "balance_after",
            "allocations",
            "digest",
        ],
        "properties": {
            "seq": {**_WHOLE, "minimum": 1},
            "points": _WHOLE,
            "balance_after": _WHOLE,
            "allocations": {
                "bsonType": "array",
                "items": {
                    "bsonType": "object",
                    "required": ["lot_id", "points"],
                    # Below 0 where points are given back to a lot.
                    "properties": {"points": {**_WHOLE, "not": {"enum": [0]}}},
                },
            },
        },
    },
    "lots": {
        "required": [
            "program_id",
            "member_id",
            "account_id",
            "transaction_id",
            "origin_transaction_id",
            "pending",
            "earned",
            "remaining",
            "active_time",
            "digest",
        ],
        "properties": {
            "pending": {"bsonType": "bool"},
            "earned": {**_WHOLE, "minimum": 1},
            "remaining": _COUNT,
            "expire_time": {"bsonType": ["date", "null"]},
        },
    },
    "transactions": {
        "required": ["program_id", "kind", "source", "external_ref", "line", "points", "digest"],
        "properties": {
            "points": _COUNT,
            "reversal": {
                "bsonType": "object",
                "properties": dict.fromkeys(
                    ("seq", "amount_minor", "written_off_points", "refunded_minor", "reversed_points"), _COUNT
                ),
            },
        },
    },
    "memberships": {
        "required": ["program_id", "member_id", "tier_set", "tier", "seq", "applied_seq", "version"],
        "properties": {
            "seq": {**_WHOLE, "minimum": 1},
            "applied_seq": {**_WHOLE, "minimum": 0},
            "version": _WHOLE,
        },
    },
    "notices": {
        "required": [
            "program_id",
            "member_id",
            "staff_role",
            "code",
            "cause",
            "occurred_time",
            "created_time",
            "due_time",
            "status",
            "seq",
        ],
        "properties": {
            "status": {"enum": list(NoticeStatus)},
            "due_time": {"bsonType": "date"},
            "seq": {**_WHOLE, "minimum": 0},
        },
    },
    "notice_preferences": {
        "required": ["program_id", "marketing", "muted"],
        "properties": {"marketing": {"bsonType": ["bool", "null"]}, "muted": {"bsonType": "array"}},
    },
}
# Longer than any cause may come again: periods are a year, and points are announced at most a year ahead.
NOTICES_KEPT = timedelta(days=400)


async def ensure_indexes(database: Database) -> None:
    """Make what is missing; run at every start."""
    await ensure_common_indexes(database)
    for name, schema in VALIDATORS.items():
        await ensure_collection(database, name, schema)
    await database.programs.create_index([("program_id", 1), ("version", 1)], unique=True)
    await database.memberships.create_index([("member_id", 1), ("tier_set", 1)])
    # Of those alone that are looked at again.
    await database.memberships.create_index(
        [("program_id", 1), ("review_time", 1), ("_id", 1)],
        partialFilterExpression={"review_time": {"$type": "date"}},
    )
    await database.decisions.create_index([("membership", 1), ("seq", 1)], unique=True)
    await database.decisions.create_index(
        [("membership", 1), ("seq", -1)], name="changes", partialFilterExpression={"changed": True}
    )
    await database.accounts.create_index([("owner", 1), ("currency", 1), ("stripe", 1)], unique=True)
    await _ensure_business_keys(database.transactions)
    await database.entries.create_index([("account_id", 1), ("seq", 1)], unique=True)
    await database.entries.create_index("transaction_id")
    await ensure_chaining(database)
    await ensure_badge_indexes(database)
    await ensure_cohort_indexes(database)
    await _ensure_lots(database)
    await ensure_hold_indexes(database)
    await ensure_day_counts(database)
    await ensure_limit_refusals(database)
    await ensure_adjustment_indexes(database)
    await ensure_override_indexes(database)
    await ensure_earned_days(database)
    await _ensure_notices(database.notices)
    await ensure_webhook_indexes(database)
    await ensure_coupon_indexes(database)
    await ensure_quota_indexes(database)
    await ensure_birthday_indexes(database)
    await ensure_contract_indexes(database)
    await ensure_standing_indexes(database)
    await ensure_reward_indexes(database)
    await ensure_reached_indexes(database)
    await ensure_redemption_indexes(database)
    await ensure_simulation_indexes(database)
    await ensure_calibration_indexes(database)
    await ensure_usage_indexes(database)


async def _ensure_business_keys(transactions: Collection) -> None:
    """Each event earns once in a currency. The indexes of before forbade too much."""
    key = ("program_id", "source", "external_ref", "line", "kind", "event_kind", "currency")
    await transactions.create_index([(name, 1) for name in key], unique=True, name="event_in_currency")
    before = {"program_id_1_source_1_external_ref_1_line_1_kind_1", "business_key"}
    for name in before & set(await transactions.index_information()):
        await transactions.drop_index(name)


async def _ensure_lots(database: Database) -> None:
    """What goes back to an accrual is unique, reversals by their place; lots are found by what is due."""
    await database.transactions.create_index(
        [("original_transaction_id", 1), ("kind", 1), ("reversal.seq", 1)],
        unique=True,
        name="following",
        partialFilterExpression={"original_transaction_id": {"$exists": True}},
    )
    await database.lots.create_index([("account_id", 1), ("_id", 1)])
    await database.lots.create_index("origin_transaction_id")
    for name, field, left in (("activating", "active_time", PENDING), ("expiring", "expire_time", EXPIRING)):
        await database.lots.create_index(
            [("program_id", 1), (field, 1), ("_id", 1)], name=name, partialFilterExpression=left
        )
    await database.lots.create_index(
        [("account_id", 1), ("expire_time", 1), ("_id", 1)], name=DRAWN, partialFilterExpression=EXPIRING
    )


async def _ensure_notices(notices: Collection) -> None:
    """The cause is unique, so that it is told once; each list and the sending have an order of their own."""
    cause = [("program_id", 1), ("member_id", 1), ("staff_role", 1), ("code", 1), ("cause", 1)]
    await notices.create_index(cause, unique=True, name="cause")
    await notices.create_index([("member_id", 1), ("staff_role", 1), ("_id", -1)], name="of_member")
    await notices.create_index([("program_id", 1), ("staff_role", 1), ("_id", -1)], name="of_staff")
    await notices.create_index(
        [("status", 1), ("program_id", 1), ("due_time", 1), ("seq", 1), ("_id", 1)],
        name="scheduled",
        partialFilterExpression={"status": NoticeStatus.SCHEDULED},
    )
    await notices.create_index(
        "created_time", expireAfterSeconds=int(NOTICES_KEPT.total_seconds()), name="kept"
    )
