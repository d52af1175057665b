"""What the chain of the ledger covers of an entry: itself, its transaction, and the lot that it made."""

from libs.common.canonical import digest

LEDGER = "ledger"
"""The name of the chain, beside that of the audit log, which has none."""


def leaf(*, entry: str, transaction: str, lot: str) -> str:
    """One digest over those of the three; of no lot where the entry made none.

    So the chain holds why points came and how long they live, not the sum alone.
    """
    return digest({"entry": entry, "transaction": transaction, "lot": lot})
