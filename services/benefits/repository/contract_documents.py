"""How contracts look as Mongo documents, and back."""

from dataclasses import asdict
from datetime import date
from functools import lru_cache

from libs.common.contract_policy import Plan
from libs.common.mongo import Document
from services.benefits.domain.contract_periods import Period
from services.benefits.domain.contracts import Contract, FollowUp, Refund, Sale

TERMS_KEPT = 1_024
_SALE = ("program_version", "source", "payment_reference", "digest", "amount_minor", "sold_time")
_PLAIN = (
    "program_id",
    "member_id",
    "since_time",
    "until_time",
    "follows",
    "followed_by",
    "renewal_cancelled_time",
    "pooled",
    "reminder_days",
    "reminder_time",
    "closing_time",
)


def contract_document(contract: Contract) -> Document:
    """A contract, whole, with its terms as JSON: what was agreed on is never read by later rules."""
    return {
        "_id": contract.contract_id,
        **{name: getattr(contract, name) for name in _PLAIN},
        **{name: getattr(contract.sale, name) for name in _SALE},
        "plan": contract.terms.key,
        "group": contract.terms.group,
        "terms": contract.terms.model_dump_json(),
        "start_time": contract.period.start_time,
        "end_time": contract.period.end_time,
        "anchor": contract.period.anchor.isoformat(),
        "months": contract.period.months,
        "refunded": contract.refund is not None,
        "refund": None if contract.refund is None else asdict(contract.refund),
        "follow_up": None if contract.follow_up is None else asdict(contract.follow_up),
    }


def contract_from(document: Document) -> Contract:
    """A contract as stored."""
    refund, follow_up = document["refund"], document["follow_up"]
    return Contract(
        contract_id=document["_id"],
        **{name: document[name] for name in _PLAIN},
        sale=Sale(**{name: document[name] for name in _SALE}),
        terms=_terms(document["terms"]),
        period=Period(
            start_time=document["start_time"],
            end_time=document["end_time"],
            anchor=date.fromisoformat(document["anchor"]),
            months=document["months"],
        ),
        refund=None if refund is None else Refund(**refund),
        follow_up=None if follow_up is None else FollowUp(**follow_up),
    )


@lru_cache(maxsize=TERMS_KEPT)
def _terms(document: str) -> Plan:
    """The terms of contracts; many were sold on the same ones."""
    return Plan.model_validate_json(document)
