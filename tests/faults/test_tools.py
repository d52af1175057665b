"""What faults are done with: places to die at, rules of a firewall, and what the databases are read into."""

import os
import shutil
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from laurel.benefits.v1 import events_pb2 as benefits_pb2
from laurel.members.v1 import events_pb2 as members_pb2
from libs.common import mongo
from libs.common.outbox import announce, outbox_row
from tests.faults import armed, firewall
from tests.faults.dump import database, dumped
from tests.faults.firewall import CannotRun, Drop
from tests.support.platform import emptied

NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Relay:
    """Something that goes on."""

    def mark(self) -> str:
        return "marked"


def test_a_process_dies_at_a_place_when_it_is_told_to_and_at_no_other_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append((pid, number)))
    monkeypatch.setattr(Relay, "mark", Relay.mark)
    armed._dies_before(Relay, "mark", trigger := armed.trigger(tmp_path, "members", armed.RELAY))

    assert Relay().mark() == "marked"
    assert killed == []
    trigger.touch()
    Relay().mark()
    Relay().mark()

    assert killed == [(os.getpid(), signal.SIGKILL)]
    assert not trigger.exists()


def test_a_place_that_is_not_in_the_code_any_more_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AttributeError):
        armed._dies_before(Relay, "gone", tmp_path / "any")


def test_rules_say_who_sends_and_where_to() -> None:
    drop = Drop(group=7, port=27017)

    assert firewall._iptables_rule(drop)[3:] == [
        *("-m", "owner", "--gid-owner", "7", "-p", "tcp", "--dport", "27017", "-j", "DROP")
    ]
    assert firewall._nft_rule(drop)[6:] == ["meta", "skgid", "7", "tcp", "dport", "27017", "counter", "drop"]
    assert firewall._iptables_rule(Drop(port=1))[3:] == ["-p", "tcp", "--dport", "1", "-j", "DROP"]


def test_who_is_not_root_hears_why_packets_cannot_be_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(CannotRun, match="root"):
        firewall.require()


def test_a_machine_without_the_tools_hears_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda tool: None)

    with pytest.raises(CannotRun, match="unshare, ip, setpriv, nft or iptables"):
        firewall.require()


async def test_rows_are_read_with_what_they_tell_and_whether_they_were_sent(mongodb_uri: str) -> None:
    client = mongo.connect(mongodb_uri)
    members, benefits = database(client, "members"), database(client, "benefits")
    joined = members_pb2.MemberRegistered(program_id="shop", member_id="mem_1")
    bought = members_pb2.FactsChanged(program_id="shop", member_id="mem_1", seq_from=1, seq_to=3)
    posted = benefits_pb2.PointsChanged(
        postings=[benefits_pb2.PointsPosted(transaction_id="txn_1")], member_id="mem_1"
    )
    await members.members.insert_one(
        {"_id": "mem_1", "program_id": "shop", "seq": 3, "identities": [], "tiers": {}}
    )
    rows = [
        outbox_row(message, member_id="mem_1", change_seq=n, now=NOW)
        for n, message in enumerate((joined, bought), 1)
    ]
    await announce(members, rows)
    await announce(benefits, [outbox_row(posted, member_id="mem_1", change_seq=1, now=NOW)])
    await benefits.outbox.update_many({}, {"$unset": {"unsent": ""}, "$set": {"sent_time": NOW}})

    final = await dumped(client, "shop", audited=set())

    told = {(row.service, row.first, row.last, row.transactions, row.sent) for row in final.rows}
    assert told == {
        ("members", 0, 0, (), False),
        ("members", 1, 3, (), False),
        ("benefits", 0, -1, ("txn_1",), True),
    }
    await emptied(members)
    await emptied(benefits)
    client.close()


async def test_a_redemption_is_read_under_the_request_that_its_audit_record_names(mongodb_uri: str) -> None:
    client = mongo.connect(mongodb_uri)
    benefits = database(client, "benefits")
    states = {"rdm_1": "reserved", "rdm_2": "cancelled", "rdm_3": "reserved"}
    await benefits.redemptions.insert_many(
        [{"_id": name, "program_id": "shop", "state": state} for name, state in states.items()]
    )
    # As they are kept, in the order of the alphabet.
    records = {"rdm_1": ("asked-1", "RedeemReward"), "rdm_2": ("asked-2", "RedeemReward")}
    await benefits.audit.insert_many(
        [
            {"program_id": "shop", "objects": ["cup", "mem_1", name], "request_id": key, "act": act}
            for name, (key, act) in records.items()
        ]
    )

    final = await dumped(client, "shop", audited={"RedeemReward"})

    assert {name: final.effects[name] for name in sorted(final.effects)} == {
        "cancelled/rdm_2": 1,
        "redemption/asked-1": 1,
        "redemption/asked-2": 1,
        "redemption/rdm_3": 1,
    }
    assert len(final.goods.redemptions) == 3
    await emptied(benefits)
    client.close()
