"""How a place of a chain is proved: by the root of its day, or by the next signed head."""

from libs.common.chains.sequencer import Chained
from services.benefits.domain.proofs import Linked, Rooted
from services.benefits.domain.roots import inclusion_path, subtree_of
from services.benefits.repository import proofs, roots
from services.benefits.repository.store import BenefitsStore


async def proving(
    store: BenefitsStore, chain: Chained, service: str, program_id: str, position: int
) -> Rooted | Linked | None:
    """What proves a position of a program's chain; nothing yet for 0, or where no head is at it or behind."""
    if not position:
        return None
    over = await roots.over(store, chain, program_id, position)
    if over is not None:
        root, subtrees = over
        first, last = subtree_of(root.first_position, root.last_position, position)
        path = inclusion_path(
            position,
            first_position=root.first_position,
            leaves=await proofs.leaves(store, chain, program_id, first, last),
            subtrees=subtrees,
        )
        return Rooted(root, tuple(path))
    head = await proofs.next_head(store, chain, program_id, position)
    if head is None:
        return None
    previous = await proofs.hash_at(store, chain, service, program_id, position - 1)
    following = await proofs.leaves(store, chain, program_id, position + 1, head.position)
    return Linked(head, previous, tuple(following))
