"""What proofs are made of, read as it is even where somebody has changed it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from libs.common.canonical import canonical
from libs.common.chains.chain import Head, origin
from libs.common.chains.documents import CODEC, head_from, position_in, text_in, time_in
from libs.common.chains.sequencer import Chained
from libs.common.mongo import Document
from services.benefits.domain.proofs import Content
from services.benefits.repository.documents import entry_from, lot_from, transaction_from
from services.benefits.repository.store import BenefitsStore


async def entries(store: BenefitsStore, program_id: str, entry_ids: Iterable[str]) -> dict[str, Content]:
    """Entries of a program, by id."""
    wanted = {"_id": {"$in": sorted(set(entry_ids))}, "program_id": program_id}
    collection = store.database.get_collection("entries", codec_options=CODEC)
    found = [each async for each in collection.find(wanted, session=store.session)]
    return {each.entry_id: each for each in await contents(store, found)}


async def contents(store: BenefitsStore, found: Sequence[Document]) -> list[Content]:
    """What the chain covers of entries, in their order."""
    transactions = await _by_id(store, "transactions", (each.get("transaction_id") for each in found))
    lots = await _by_id(store, "lots", (each.get("lot_id") for each in found))
    return [
        Content(
            entry_id=text_in(each.get("_id")),
            account_id=text_in(each.get("account_id")),
            entry=_text(each, lambda entry: entry_from(entry).content()),
            transaction=_text(
                transactions.get(each.get("transaction_id")),
                lambda transaction: transaction_from(transaction).content(),
            ),
            lot=_text(lots.get(each.get("lot_id")), lambda lot: lot_from(lot).content()),
            leaf=text_in(each.get("leaf")),
            recorded_time=time_in(
                (transactions.get(each.get("transaction_id")) or each).get("recorded_time")
            ),
            position=position_in(each.get("position")),
            chain_hash=text_in(each.get("chain_hash", "")),
        )
        for each in found
    ]


async def leaves(store: BenefitsStore, chain: Chained, program_id: str, first: int, last: int) -> list[str]:
    """The leaves from one position to another."""
    wanted = {"program_id": program_id, "position": {"$gte": first, "$lte": last}}
    found = store.database[chain.records].find(wanted, {"_id": 0, "leaf": 1}, session=store.session)
    return [text_in(each.get("leaf")) async for each in found.sort("position", 1)]


async def next_head(store: BenefitsStore, chain: Chained, program_id: str, position: int) -> Head | None:
    """The first signed head at a position or behind it."""
    heads = store.database.get_collection(chain.heads, codec_options=CODEC)
    behind = {"program_id": program_id, "position": {"$gte": position}}
    found = await heads.find_one(behind, sort=[("position", 1)], session=store.session)
    return None if found is None else head_from(found)


async def hash_at(store: BenefitsStore, chain: Chained, service: str, program_id: str, position: int) -> str:
    """The chain hash at a position; before the first one, where the chain begins."""
    if position == 0:
        return origin(service=service, program_id=program_id, chain=chain.chain)
    wanted = {"program_id": program_id, "position": position}
    found = await store.database[chain.records].find_one(wanted, {"chain_hash": 1}, session=store.session)
    return "" if found is None else text_in(found.get("chain_hash"))


async def _by_id(store: BenefitsStore, name: str, ids: Iterable[object]) -> dict[Any, Document]:
    collection = store.database.get_collection(name, codec_options=CODEC)
    wanted = sorted({each for each in ids if isinstance(each, str)} - {""})
    found = collection.find({"_id": {"$in": wanted}}, session=store.session)
    return {each["_id"]: each async for each in found}


def _text(document: Document | None, content: Callable[[Document], Mapping[str, Any]]) -> str:
    """The canonical JSON of a record; of one that is not ours any more a text that has another digest."""
    if document is None:
        return ""
    try:
        return canonical(content(document)).decode()
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        return f"unreadable: {type(error).__name__}"
