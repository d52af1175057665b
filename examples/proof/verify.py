"""Checks the proof of one ledger entry, or of one badge, trusting nobody but the published keys.

    pip install cryptography
    python verify.py proof.json --keys audit_keys.json

`proof.json` is an answer of the graph (`ledgerProof`, `Entry.proof` or `badge`),
or of `BatchGetEntryProofs` or `BatchVerifyBadges` as JSON; of a badge each
proof in it is checked. Says what it has checked, and ends with 1 when anything
does not hold.
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


def checked_badge_leaf(proof: dict[str, Any]) -> str:
    """What the chain covers of a badge; a part that is not shown is known by its digest alone."""
    digests = {"badge": sha256(proof["badge"].encode()).hex()}
    for part in ("owner", "act"):
        text, told = proof.get(part) or "", proof[f"{part}Digest"]
        require(not text or sha256(text.encode()).hex() == told, f"the {part} has another digest")
        same = not text or json.loads(text)["record_id"] == json.loads(proof["badge"])["record_id"]
        require(same, f"the {part} is of another record")
        digests[part] = told
    leaf = digest(digests)
    require(leaf == proof["leaf"], "the record is not what was chained")
    return leaf


def root_from(index: int, size: int, found: bytes, path: list[bytes]) -> bytes:
    """Where a Merkle path leads (RFC 9162, 2.1.3.2; the hashes are those of RFC 6962)."""
    require(0 <= index < size, "it is not of that day")
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
    return f"{position} of the chain is under the root of {signed['date']}, {root.hex()}"


def check_head(proof: dict[str, Any], leaf: str, signed: dict[str, Any]) -> str:
    position, chain_hash = int(proof["position"]), proof["previousHash"]
    for place, each in enumerate([leaf, *(proof.get("followingLeaves") or ())], start=position):
        chain_hash = digest({"previous": chain_hash, "position": place, "digest": each})
    require(place == signed["position"], "the head is of another position")
    require(chain_hash == signed["chain_hash"], "the chain leads to another head")
    return f"{position} of the chain is under the head at {place}, {chain_hash}"


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
    proof = proof | (proof.get("content") or {})
    by: dict[str, Any] = proof.get("root") or proof.get("head") or {}
    require(bool(by), "it waits for its place or a head: ask again in ten seconds")
    statement = json.loads(proof["statement"])
    is_badge = "badge" in proof
    said = json.loads(proof["badge" if is_badge else "entry"])
    leaf = (checked_badge_leaf if is_badge else checked_leaf)(proof)
    chain = "badges" if is_badge else "ledger"
    require(statement.get("chain") == chain, f"what is signed is not of the {chain}")
    require(statement["program_id"] == said["program_id"], "what is signed is of another program")
    place = (check_root if proof.get("root") else check_head)(proof, leaf, statement)
    lines = badge_lines(proof, said) if is_badge else entry_lines(proof, said)
    what = "record" if is_badge else "entry"
    return [*lines, f"{what} {place}", check_signature(proof["statement"], by["signature"], keys)]


def entry_lines(proof: dict[str, Any], entry: dict[str, Any]) -> list[str]:
    transaction = json.loads(proof["transaction"])
    cause = f"{transaction['kind']} by {transaction['source']} {transaction['external_ref']}"
    return [
        f"{entry['points']} points in {entry['account_id']}, which then has {entry['balance_after']}",
        f"{cause} of {transaction['occurred_time']}",
    ]


def badge_lines(proof: dict[str, Any], badge: dict[str, Any]) -> list[str]:
    limit = f" of {badge['limit']}" if badge["limit"] else ""
    number = f"{badge['key']} {badge['serial']}{limit} of {badge['program_id']}"
    owner = json.loads(proof["owner"])["member_id"] if proof.get("owner") else "somebody who is not shown"
    return [f"{number} was {badge['act']} at {badge['recorded_time']}", f"given to {owner}"]


def proofs_in(answer: Any) -> list[dict[str, Any]]:
    """The proofs in an answer, however deep: what has a statement. A revoked badge has two."""
    waiting, found = [answer], []
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, dict) and "statement" in each:
            found.append(each)
        else:
            waiting += each.values() if isinstance(each, dict) else each if isinstance(each, list) else []
    require(bool(found), "the file holds no proof, or one of what waits: ask again in ten seconds")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("proof", type=Path, help="the answer that holds the proof, as JSON")
    parser.add_argument("--keys", type=Path, required=True, help="the published keys (audit_keys.json)")
    asked = parser.parse_args()
    try:
        proofs, keys = proofs_in(json.loads(asked.proof.read_bytes())), json.loads(asked.keys.read_bytes())
        lines = [line for each in proofs for line in check(each, keys)]
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
