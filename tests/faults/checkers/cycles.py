"""Isolation: whether all transactions and snapshots fit into one order, told by the sequences of accounts.

Every account counts its entries, so who wrote a version, who read it and who
wrote the next is known. Write after write (ww), read after write (wr) and write
after read (rw) are edges of a graph. A cycle in it is an anomaly: of ww alone a
dirty write (G0), with wr a circular flow of what was written (G1c), with rw a
read of two moments at once (G-single, G2). After Adya, Liskov and O'Neil 2000.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from tests.faults.checkers.findings import Finding, broken
from tests.faults.final import Final
from tests.faults.history import History

Graph = dict[str, dict[str, str]]
"""Who comes before whom, and the kind of edge that says so."""


def check(history: History, final: Final) -> Iterator[Finding]:
    """One finding for each knot of transactions and snapshots that have no order."""
    graph = order(history, final)
    for knot in knots(graph):
        kinds = {kind for node in knot for other, kind in graph[node].items() if other in knot}
        yield broken("L2", _name(kinds), f"no order of {', '.join(sorted(knot)[:4])} ({len(knot)} in all)")


def _name(kinds: set[str]) -> str:
    if "rw" in kinds:
        return "G-single"
    return "G1c" if "wr" in kinds else "G0"


def order(history: History, final: Final) -> Graph:
    """The edges between transactions of the ledger and snapshots."""
    graph: Graph = defaultdict(dict)
    writers: dict[str, dict[int, str]] = defaultdict(dict)
    for entry in final.entries:
        writers[entry.account_id][entry.seq] = entry.transaction_id
    for versions in writers.values():
        for seq, writer in versions.items():
            following = versions.get(seq + 1, writer)
            if following != writer:
                graph[writer][following] = "ww"
    _readers(history, writers, graph)
    return graph


def _readers(history: History, writers: Mapping[str, Mapping[int, str]], graph: Graph) -> None:
    """Snapshots follow what they read, and precede what they do not show.

    They need not follow one another: whoever reads from a primary that is cut off sees an earlier moment.
    """
    for number, snapshot in enumerate(history.snapshots):
        node = f"snapshot {number}"
        for account_id, versions in writers.items():
            seq = snapshot.accounts[account_id].seq if account_id in snapshot.accounts else 0
            if seq in versions:
                graph[versions[seq]][node] = "wr"
            if seq + 1 in versions:
                graph[node][versions[seq + 1]] = "rw"


def knots(graph: Mapping[str, Mapping[str, str]]) -> list[set[str]]:
    """The strongly connected parts of more than one node: Tarjan 1972, without recursion."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[set[str]] = []
    for root in list(graph):
        if root in index:
            continue
        work = [(root, iter(graph.get(root, {})))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, following = work[-1]
            for other in following:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(graph.get(other, {}))))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    part = _popped(stack, on_stack, node)
                    if len(part) > 1:
                        found.append(part)
    return found


def _popped(stack: list[str], on_stack: set[str], node: str) -> set[str]:
    part = set()
    while True:
        other = stack.pop()
        on_stack.discard(other)
        part.add(other)
        if other == node:
            return part
