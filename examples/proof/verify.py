"""Checks the proof of one ledger entry, trusting nobody but the published keys.

    pip install cryptography
    python verify.py proof.json --keys audit_keys.json

`proof.json` is an answer of the graph (`ledgerProof` or `Entry.proof`), or of
`BatchGetEntryProofs` as JSON. Says what it has checked, and ends with 1 when
anything does not hold.
"""

import argparse
import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Broken(Exception):
    """Something that the proof says is not so."""


def require(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def canonical(value: dict[str, Any]) -> bytes:
    """RFC 8785, for ASCII keys, texts and integers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: dict[str, Any]) -> str:
    return sha256(canonical(value)).hex()


def checked_leaf(proof: dict[str, Any]) -> str:
    """What the chain covers, recomputed from what the entry, its transaction and its lot say."""
    texts = {name: proof.get(name) or "" for name in ("entry", "transaction", "lot")}
    entry, transaction = json.loads(texts["entry"]), json.loads(texts["transaction"])
    lot = json.loads(texts["lot"]) if texts["lot"] else {"lot_id": ""}
    require(entry["transaction_id"] == transaction["transaction_id"], "the transaction is another one")
    require(entry["lot_id"] == lot["lot_id"], "the lot is another one")
    leaf = digest({name: sha256(text.encode()).hex() if text else "" for name, text in texts.items()})
    require(leaf == proof["leaf"], "the entry, its transaction or its lot is not what was chained")
    return leaf


def root_from(index: int, size: int, found: bytes, path: list[bytes]) -> bytes:
    """Where a Merkle path leads (RFC 9162, 2.1.3.2; the hashes are those of RFC 6962)."""
    require(0 <= index < size, "the entry is not of that day")
    last = size - 1
    for sibling in path:
        require(last > 0, "the path is too long")
        if index % 2 or index == last:
            found = sha256(b"\x01" + sibling + found)
            while not index % 2 and index:
                index, last = index // 2, last // 2
        else:
            found = sha256(b"\x01" + found + sibling)
        index, last = index // 2, last // 2
    require(last == 0, "the path is too short")
    return found


def check_root(proof: dict[str, Any], leaf: str, signed: dict[str, Any]) -> str:
    position, first, last = int(proof["position"]), signed["first_position"], signed["last_position"]
    path = [bytes.fromhex(each) for each in proof.get("path") or ()]
    root = root_from(position - first, last - first + 1, sha256(b"\x00" + leaf.encode()), path)
    require(root.hex() == signed["root_hash"], "the path leads to another root")
    return f"entry {position} of the chain is under the root of {signed['date']}, {root.hex()}"


def check_head(proof: dict[str, Any], leaf: str, signed: dict[str, Any]) -> str:
    position, chain_hash = int(proof["position"]), proof["previousHash"]
    for place, each in enumerate([leaf, *(proof.get("followingLeaves") or ())], start=position):
        chain_hash = digest({"previous": chain_hash, "position": place, "digest": each})
    require(place == signed["position"], "the head is of another position")
    require(chain_hash == signed["chain_hash"], "the chain leads to another head")
    return f"entry {position} of the chain is under the head at {place}, {chain_hash}"


def check_signature(statement: str, signature: str, keys: dict[str, Any]) -> str:
    key_id = json.loads(statement)["key_id"]
    require(any(each["kid"] == key_id for each in keys["keys"]), f"no published key is called {key_id}")
    key = next(each for each in keys["keys"] if each["kid"] == key_id)
    named = {name: key[name] for name in ("crv", "kty", "x")}
    thumbprint = base64.urlsafe_b64encode(sha256(canonical(named))).rstrip(b"=").decode()
    require(key_id == f"benefits.{thumbprint}", "the key is not the one that it is called after")
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
    try:
        public.verify(bytes.fromhex(signature), statement.encode())
    except InvalidSignature:
        raise Broken("the signature is not of this statement") from None
    return f"signed by {key_id}"


def check(proof: dict[str, Any], keys: dict[str, Any]) -> list[str]:
    """What was checked, a line each, or Broken."""
    proof = proof | proof.get("content", {})
    by: dict[str, Any] = proof.get("root") or proof.get("head") or {}
    require(bool(by), "the entry waits for its place or a head: ask again in ten seconds")
    entry, statement = json.loads(proof["entry"]), json.loads(proof["statement"])
    leaf = checked_leaf(proof)
    require(statement.get("chain") == "ledger", "what is signed is no ledger")
    require(statement["program_id"] == entry["program_id"], "what is signed is of another program")
    place = (check_root if proof.get("root") else check_head)(proof, leaf, statement)
    transaction = json.loads(proof["transaction"])
    cause = f"{transaction['kind']} by {transaction['source']} {transaction['external_ref']}"
    return [
        f"{entry['points']} points in {entry['account_id']}, which then has {entry['balance_after']}",
        f"{cause} of {transaction['occurred_time']}",
        place,
        check_signature(proof["statement"], by["signature"], keys),
    ]


def proof_in(answer: Any) -> dict[str, Any]:
    """The proof in an answer, however deep: what has a statement."""
    waiting = [answer]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, dict) and "statement" in each:
            return each
        waiting += each.values() if isinstance(each, dict) else each if isinstance(each, list) else []
    raise Broken("the file holds no proof, or one of an entry that waits: ask again in ten seconds")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("proof", type=Path, help="the answer that holds the proof, as JSON")
    parser.add_argument("--keys", type=Path, required=True, help="the published keys (audit_keys.json)")
    asked = parser.parse_args()
    try:
        lines = check(proof_in(json.loads(asked.proof.read_bytes())), json.loads(asked.keys.read_bytes()))
    except Broken as broken:
        sys.stderr.write(f"BROKEN: {broken}\n")
        return 1
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        sys.stderr.write(f"BROKEN: this is no proof: {type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write("\n".join([*lines, "OK"]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
