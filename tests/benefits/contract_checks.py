"""The promise about paid membership, checked over all contracts of a program."""

from services.benefits.repository.contract_documents import contract_from
from tests.benefits.conftest import BenefitsWorld
from tests.support.goods import contract_faults


async def stored_faults(benefits: BenefitsWorld, program_id: str) -> list[str]:
    """What is broken about the contracts of a program as they are kept."""
    documents = await benefits.database.contracts.find({"program_id": program_id}).to_list(None)
    return contract_faults([contract_from(each) for each in documents])
