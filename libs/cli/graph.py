"""Questions to the graph, asked over HTTP as any frontend does."""

from collections.abc import Sequence
from typing import Any

import httpx

from libs.cli.data_folder import RunFile
from libs.cli.errors import CommandError

SECONDS = 10.0
TOP_MEMBER = """member(id: "%s") {
    memberId
    facts(names: ["purchase.amount_minor.lifetime", "purchase.count.lifetime"]) { facts { name value } }
    memberships { tierKey since }
    points { available }
  }"""
RECEIPT = """query Receipt($id: ID!) {
  member(id: $id) {
    memberId
    memberships {
      tierKey
      since
      decision {
        outcome asOf programVersion digest
        reasons { text }
        rules { tier metric op threshold value met margin }
      }
    }
    points {
      available
      entries(first: 5) {
        points balanceAfter occurredTime externalRef
        earnings { amountMinor multiplierBp tier }
      }
    }
  }
}"""


class Graph:
    """The graph of a running platform, asked with one token."""

    def __init__(self, run: RunFile, token: str) -> None:
        self._url = f"{run.gateway_url}/graphql"
        self._headers = {"authorization": f"Bearer {token}"}

    async def members(self, member_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Several members in one query."""
        parts = (f"m{number}: {TOP_MEMBER % member_id}" for number, member_id in enumerate(member_ids))
        data = await self._ask("{" + " ".join(parts) + "}", {}) if member_ids else {}
        return [data[f"m{number}"] for number in range(len(member_ids))]

    async def receipt(self, member_id: str) -> dict[str, Any]:
        """One member's tier with its decision, and their points with their entries."""
        member: dict[str, Any] = (await self._ask(RECEIPT, {"id": member_id}))["member"]
        return member

    async def _ask(self, query: str, variables: dict[str, str]) -> dict[str, Any]:
        async with httpx.AsyncClient(headers=self._headers, timeout=SECONDS, trust_env=False) as http:
            response = await http.post(self._url, json={"query": query, "variables": variables})
        answer = response.json()
        if answer.get("errors"):
            raise CommandError(f"The graph answered: {answer['errors'][0]['message']}")
        data: dict[str, Any] = answer["data"]
        return data
