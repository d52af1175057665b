"""Deciding stored decisions again, each by the version of the program that took it."""

from collections import defaultdict
from collections.abc import Iterable

from laurel.scoring.v1 import explanations_pb2, receipts_pb2
from services.benefits.clients import ExplanationClient
from services.benefits.domain.memberships import Decision
from services.benefits.messages import receipt_of
from services.benefits.repository import program_versions
from services.benefits.repository.store import BenefitsStore

# What scoring takes at once.
RECEIPTS_MAX = 100


async def replayed(
    store: BenefitsStore, scoring: ExplanationClient, program_id: str, decisions: Iterable[Decision]
) -> dict[str, explanations_pb2.Replay]:
    """Decisions of a program, decided again, by id."""
    by_version: dict[int, list[tuple[str, receipts_pb2.Receipt]]] = defaultdict(list)
    for decision in decisions:
        receipt = receipt_of(decision)
        by_version[receipt.program_version].append((decision.decision_id, receipt))
    versions = await program_versions.several(store, program_id, list(by_version))
    replays: dict[str, explanations_pb2.Replay] = {}
    for number, receipts in by_version.items():
        version = versions[number]
        for start in range(0, len(receipts), RECEIPTS_MAX):
            some = receipts[start : start + RECEIPTS_MAX]
            again = await scoring.replay(version.digest, version.document, [receipt for _, receipt in some])
            replays |= {decision_id: each for (decision_id, _), each in zip(some, again, strict=True)}
    return replays
