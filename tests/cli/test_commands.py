"""The commands against a whole platform: what a person at a terminal does and sees."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
import jwt
import pyarrow.parquet as pq
import pymongo
import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.cli.data_folder import DataFolder
from libs.cli.errors import CommandError
from libs.cli.launch import bound
from libs.cli.ports import Ports
from libs.cli.programs import read_program
from libs.cli.sample import FILE
from libs.common.program import preset
from tests.cli.terminal import Laurel, stop

ROWS = FILE.read_text().splitlines()[:400]
CUSTOMERS = {row.split()[1] for row in ROWS}
RECEIVER = Path(__file__).parents[2] / "examples" / "webhook" / "receiver.py"


@pytest.fixture(scope="module")
def laurel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laurel]:
    """A platform with the first 400 rows of the sample, stopped and started again once it had them."""
    laurel = Laurel(tmp_path_factory.mktemp("platform"))
    up = laurel.up()
    try:
        laurel("init", "program", "music_store")
        laurel("init", "store", "online", "--name", "Online")
        laurel("init", "partner", "cdnow", "--name", "CDNOW", "--store", "online")
        told = laurel.load(ROWS)
        assert told == f"400 accepted, 0 duplicates, 0 rejected; {len(CUSTOMERS)} new members"
        laurel.drained()
        stop(up)
        with pytest.raises(CommandError, match="No platform is running"):
            laurel.run_file()
        up = laurel.up()
        yield laurel
        stop(up)
    finally:
        up.kill()
        up.wait()


def test_a_second_up_finds_its_data(laurel: Laurel) -> None:
    assert sum(laurel.tiers().values()) == len(CUSTOMERS)


@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        ["master customer date cds amount", *ROWS],
        [row.split(maxsplit=1)[1] for row in ROWS],
        random.Random(1).sample(ROWS, len(ROWS)),
    ],
    ids=["as it was", "with a header", "without its first column", "shuffled"],
)
def test_a_file_that_is_loaded_again_moves_nothing(laurel: Laurel, rows: list[str]) -> None:
    before = laurel.tiers()

    assert laurel.load(rows) == "0 accepted, 400 duplicates, 0 rejected; 0 new members"

    laurel.drained()
    assert laurel.tiers() == before


def test_a_bad_line_sends_nothing(laurel: Laurel) -> None:
    file = laurel.folder / "bad.txt"
    file.write_text("\n".join([*ROWS[:2], "0001 19970101 two 29.33"]))

    told = laurel.alone("load", str(file), "--format", "cdnow", exits=1)

    assert "line 3: expected" in told


def test_an_unknown_partner_is_told_with_what_to_do(laurel: Laurel) -> None:
    assert "run `laurel init partner nobody" in laurel.load(ROWS, source="nobody", exits=1)


def test_an_interrupted_load_goes_on(laurel: Laurel) -> None:
    laurel("init", "partner", "second", "--name", "Second shop", "--store", "online")
    file = laurel.folder / "interrupted.txt"
    file.write_text("\n".join(ROWS))
    arguments = ("load", str(file), "--format", "cdnow", "--source", "second")
    runs = set(DataFolder(laurel.folder).loads.iterdir())
    loading = subprocess.Popen(laurel.command(*arguments), env=laurel.environment())
    while set(DataFolder(laurel.folder).loads.iterdir()) == runs:
        time.sleep(0.01)
    loading.kill()
    loading.wait()

    told = laurel(*arguments).strip()

    assert told == f"400 accepted, 0 duplicates, 0 rejected; {len(CUSTOMERS)} new members"
    laurel.drained()


@pytest.fixture(scope="module")
def silver(laurel: Laurel) -> dict[str, str]:
    """The standing of a silver member, straight from the database."""
    with pymongo.MongoClient[dict[str, Any]](laurel.run_file().mongodb_uri) as client:
        found = client["laurel_benefits"]["memberships"].find_one({"tier": "silver"}, sort=[("_id", 1)])
    assert found is not None
    return {"member": found["member_id"], "decision": found["decision_id"]}


def test_a_decision_is_explained_and_comes_out_the_same_again(laurel: Laurel, silver: dict[str, str]) -> None:
    told = laurel("explain", "decision", silver["decision"], "--language", "zh")
    found = json.loads(laurel("explain", "decision", silver["decision"], "--json"))

    assert "银卡会员" in told
    assert "the same bits come out" in told
    assert found["replay"]["same"]
    assert found["decision"]["receipt"]["to_tier"] == "silver"
    assert len(found["reasons"]["en"]) == len(found["decision"]["receipt"]["reasons"]) > 0


def test_paths_say_what_an_order_then_does(laurel: Laurel, silver: dict[str, str]) -> None:
    found = json.loads(laurel("explain", "paths", silver["member"], "--json"))["main"]
    spend = {step["metric"]: int(step["amount"]) for step in found["found"]["paths"][0]["steps"]}["spend"]

    amount = f"{spend // 100}.{spend % 100:02}"
    told = laurel("explain", "order", silver["member"], amount)
    less = laurel("explain", "order", silver["member"], f"{(spend - 1) // 100}.{(spend - 1) % 100:02}")

    assert f"spend ${amount} more" in laurel("explain", "paths", silver["member"])
    assert "main: Silver → Gold" in told
    assert "main: stays Silver" in less


def test_what_keeps_a_tier_is_told(laurel: Laurel, silver: dict[str, str]) -> None:
    assert "nothing has to be done" in laurel("explain", "keeping", silver["member"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("decision", "dec_1"), "has no decision 'dec_1'"),
        (("paths", "mem_1"), "has no member 'mem_1'"),
        (("keeping", "mem_1"), "Ids begin with mem_"),
        (("order", "mem_1", "5"), "has no member 'mem_1'"),
        (("order", "mem_1", "5.001"), "expected an amount in USD, such as 199.90"),
        (("order", "mem_1", "NaN"), "expected an amount in USD"),
        (("paths", "mem_1", "--tier", "ruby"), "normal, silver, gold, platinum, diamond"),
        (("paths", "mem_1", "--ladder", "side"), "has no side"),
        (("paths", "mem_1", "--by", "soon"), "--by soon: expected a day or a time"),
        (("keeping", "mem_1", "--program", "nope"), "There is no program 'nope'"),
    ],
)
def test_what_cannot_be_explained_is_told_with_what_to_do(
    laurel: Laurel, arguments: tuple[str, ...], said: str
) -> None:
    assert said in laurel("explain", *arguments, exits=1)


def test_all_members_are_scored_into_a_folder_once(laurel: Laurel) -> None:
    told = json.loads(laurel("score", "--as-of", "1998-06-30", "--parts", "3", "--json"))
    other = laurel("score", "--as-of", "1998-06-29", "--out", told["folder"], exits=1)

    assert told["parts"] == 3
    members = sum(laurel.tiers().values())
    assert told["members"] == sum(told["labels"]["rfm"].values()) == members
    lines = [line for file in Path(told["folder"]).glob("*.csv") for line in file.read_text().splitlines()]
    assert len(set(lines)) == members + 1
    assert "as of 1998-06-30" in other


def test_facts_of_all_members_are_exported_into_a_folder_once(laurel: Laurel) -> None:
    told = json.loads(laurel("export", "facts", "--as-of", "1998-06-30", "--parts", "3", "--json"))
    other = laurel("export", "facts", "--as-of", "1998-06-29", "--out", told["folder"], exits=1)

    table = pq.read_table(sorted(Path(told["folder"]).glob("*.parquet")))
    assert (told["parts"], told["members"]) == (3, table.num_rows) == (3, sum(laurel.tiers().values()))
    assert table["member_id"].to_pylist() == sorted(set(table["member_id"].to_pylist()))
    assert min(table["purchase.count.lifetime"].to_pylist()) == 1  # all are there because they bought
    assert "as of 1998-06-30" in other


def test_the_same_program_store_and_partner_again_change_nothing(laurel: Laurel) -> None:
    assert "version 1 is live" in laurel("init", "program", "music_store")
    assert "store online" in laurel("init", "store", "online", "--name", "Online")
    assert "partner cdnow" in laurel("init", "partner", "cdnow", "--name", "CDNOW", "--store", "online")


def test_the_status_names_every_process(laurel: Laurel) -> None:
    processes = json.loads(laurel.alone("status", "--json"))["processes"]

    assert set(processes) == {"mongod", "valkey", "members", "scoring", "benefits", "risk", "gateway"}
    assert all(process["pid"] for process in processes.values())


def test_the_status_of_a_program_that_is_not_there_is_refused(laurel: Laurel) -> None:
    refusal = laurel("status", "--program", "nope", exits=1)

    assert "There is no program 'nope'" in refusal
    assert "Drained" not in refusal


@pytest.mark.parametrize(
    "arguments",
    [
        ("--role", "boss"),
        (),
        ("--role", "analyst", "--member", "mem_1"),
        ("--role", "analyst", "--ttl", "ever"),
        ("--role", "analyst", "--ttl", "30d"),
        ("--role", "analyst", "--program", "nope"),
        ("--member", f"mem_{0:032x}"),
    ],
    ids=["an unknown role", "nobody", "two at once", "no duration", "too long", "no program", "no member"],
)
def test_a_token_is_for_one_known_principal(laurel: Laurel, arguments: tuple[str, ...]) -> None:
    laurel("token", *arguments, exits=2 if "boss" in arguments else 1)


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token.strip(), options={"verify_signature": False})
    return found


def key_of(token: str) -> str:
    return str(jwt.get_unverified_header(token.strip())["kid"])


def test_a_token_of_staff_says_where_they_work(laurel: Laurel) -> None:
    stores = ("--store", "online", "--store", "outlet", "--sharing-group", "north")

    token = claims(laurel("token", "--role", "store_manager", *stores))

    assert (token["roles"], token["stores"]) == (["store_manager"], ["online", "outlet"])
    assert token["sharing_groups"] == ["north"]
    assert "--role" in laurel("token", "--member", "mem_1", "--store", "online", exits=1)


def test_a_token_that_sees_no_member_is_given_with_a_remark(laurel: Laurel) -> None:
    done = subprocess.run(
        laurel.command("token", "--role", "consultant"),
        check=True,
        env=laurel.environment(),
        capture_output=True,
        text=True,
    )

    assert "Without --store" in done.stderr
    assert claims(done.stdout)["roles"] == ["consultant"]


def asked(laurel: Laurel, token: str) -> int:
    """The HTTP status of a question with a token."""
    response = httpx.post(
        f"{laurel.run_file().gateway_url}/graphql",
        json={"query": "{ __typename }"},
        headers={"authorization": f"Bearer {token.strip()}"},
        timeout=10,
        trust_env=False,
    )
    return response.status_code


def test_keys_are_rotated_while_everything_runs(laurel: Laurel) -> None:
    old = laurel("token", "--role", "analyst")

    laurel("rotate-keys")

    fresh = laurel("token", "--role", "analyst")
    assert key_of(fresh) != key_of(old)
    assert (asked(laurel, old), asked(laurel, fresh)) == (200, 200)
    assert json.loads(laurel("status", "--json"))["pipeline"]


def test_what_is_revoked_is_refused_soon_and_what_is_given_then_is_good(laurel: Laurel) -> None:
    one, all_before = laurel("token", "--role", "analyst"), laurel("token", "--role", "analyst")
    assert (asked(laurel, one), asked(laurel, all_before)) == (200, 200)

    laurel("revoke", "--jti", claims(one)["jti"])
    until_refused(laurel, one)
    between = asked(laurel, all_before)
    laurel("revoke", "--subject", "laurel-cli", "--kind", "staff")
    until_refused(laurel, all_before)

    assert between == 200
    assert asked(laurel, laurel("token", "--role", "analyst")) == 200
    assert json.loads(laurel("status", "--json"))["pipeline"]


def until_refused(laurel: Laurel, token: str) -> None:
    deadline = time.monotonic() + 60
    while asked(laurel, token) != 401:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    "arguments", [(), ("--jti", ""), ("--subject", "ann"), ("--jti", "tok_1", "--subject", "ann")]
)
def test_a_revocation_says_whom_it_is_about(laurel: Laurel, arguments: tuple[str, ...]) -> None:
    assert "Say what to revoke" in laurel("revoke", *arguments, exits=1)


def test_a_partner_that_is_admitted_is_told_where_its_certificate_is(laurel: Laurel) -> None:
    told = laurel("init", "partner", "till", "--name", "Till", "--store", "online")

    folder = laurel.run_file().tls_folder
    for file in ("partners/music_store.till.pem", "partners/music_store.till.key", "ca.pem"):
        assert str(folder / file) in told
        assert (folder / file).exists()


def test_services_answer_nobody_without_a_certificate(laurel: Laurel) -> None:
    with grpc.insecure_channel(laurel.run_file().address("members")) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.RpcError):
            health.Check(health_pb2.HealthCheckRequest(), timeout=2)


def test_a_sound_ledger_is_verified_and_a_tampered_entry_is_found(laurel: Laurel) -> None:
    found = json.loads(laurel("verify", "--json"))
    assert (found["sum"], found["broken"]) == (0, 0)
    assert found["transactions"] >= 400

    with pymongo.MongoClient[dict[str, object]](laurel.run_file().mongodb_uri) as client:
        entries = client["laurel_benefits"]["entries"]
        entry = entries.find_one({"points": {"$gt": 0}})
        assert entry is not None
        entries.update_one({"_id": entry["_id"]}, {"$inc": {"points": 1}}, bypass_document_validation=True)
        told = laurel("verify", exits=1)
        entries.update_one({"_id": entry["_id"]}, {"$inc": {"points": -1}}, bypass_document_validation=True)

    assert str(entry["_id"]) in told


def audited(laurel: Laurel, *filters: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(laurel("audit", "search", "--json", *filters))
    return found


def test_the_page_that_up_prints_is_served(laurel: Laurel) -> None:
    page = httpx.get(f"{laurel.run_file().gateway_url}/graphiql", trust_env=False)

    assert page.status_code == 200
    assert "GraphiQL" in page.text


def test_a_program_that_is_not_there_is_not_called_whole(laurel: Laurel) -> None:
    for proof in (["verify"], ["audit", "verify"], ["audit", "search"]):
        assert "There is no program 'nope'" in laurel(*proof, "--program", "nope", exits=1)


def test_what_operators_did_is_found_in_the_audit_log(laurel: Laurel) -> None:
    found = audited(laurel, "--act", "CreatePartner", "--object", "cdnow", "--actor", "laurel-cli")

    assert {(each["service"], each["act"], *each["objects"]) for each in found} == {
        ("members", "CreatePartner", "cdnow")
    }
    assert audited(laurel, "--act", "CreatePartner", "--until", "2020-01-01") == []
    assert audited(laurel, "--actor", "nobody") == []
    told = laurel("audit", "search", "--act", "PublishProgram", "--since", "2020-01-01T12:30")
    assert "benefits" in told
    assert max(len(line) for line in told.splitlines()) <= 80
    assert "2020-13-01 is no time" in laurel("audit", "search", "--since", "2020-13-01", exits=1)


def test_a_service_killed_right_after_an_act_has_it_in_its_chain(laurel: Laurel) -> None:
    laurel("init", "store", "killed", "--name", "Killed")
    pid = laurel.run_file().processes["members"].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    deadline = time.monotonic() + 60
    while not (found := audited(laurel, "--object", "killed"))[0]["position"]:
        assert time.monotonic() < deadline

    assert len(found) == 1
    assert laurel.run_file().processes["members"].pid != pid


def test_a_whole_audit_log_is_verified_and_a_tampered_record_is_found(laurel: Laurel) -> None:
    verified = json.loads(laurel("audit", "verify", "--json"))
    assert verified["broken"] == 0
    assert verified["services"]["members"]["records"] >= 3
    assert verified["services"]["members"]["heads"] == verified["services"]["members"]["kept_apart"]

    with pymongo.MongoClient[dict[str, object]](laurel.run_file().mongodb_uri) as client:
        records = client["laurel_members"]["audit"]
        record = records.find_one({"act": "CreatePartner", "position": {"$gt": 0}})
        assert record is not None
        records.update_one({"_id": record["_id"]}, {"$set": {"actor.subject": "somebody else"}})
        told = laurel("audit", "verify", exits=1)
        in_json = laurel("audit", "verify", "--json", exits=1)
        records.replace_one({"_id": record["_id"]}, record)

    assert f"members: DIGEST_WRONG {record['_id']}" in told
    assert "DIGEST_WRONG" in in_json
    laurel("audit", "verify")


def test_a_second_platform_is_refused_in_the_same_folder(laurel: Laurel) -> None:
    assert "running in" in laurel.alone("up", exits=1)


@contextmanager
def receiving(port: int, secret: str) -> Iterator[subprocess.Popen[str]]:
    """The receiver of the examples, that knows this secret."""
    environment = {**os.environ, "WEBHOOK_SECRET": secret}
    command = bound([sys.executable, str(RECEIVER), str(port)])
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.terminate()


def webhook(laurel: Laurel, *arguments: str) -> str:
    return laurel("webhook", *arguments).strip()


def delivered(laurel: Laurel) -> list[dict[str, Any]]:
    """The log of deliveries, once the latest has arrived."""
    deadline = time.monotonic() + 60
    while (told := json.loads(webhook(laurel, "log", "--json")))[0]["status"] != "DELIVERY_STATUS_DELIVERED":
        assert time.monotonic() < deadline, json.dumps(told)
    return list(told)


def test_a_receiver_hears_what_a_member_is_told_and_the_log_shows_it(laurel: Laurel) -> None:
    with Ports() as ports:
        port = ports.any()
        secret = webhook(laurel, "add", f"http://127.0.0.1:{port}/", "--code", "tier_changed")
        (clock,) = json.loads(laurel("clock", "--json"))
        day = datetime.fromisoformat(clock["time"]) - timedelta(days=1)
        with receiving(port, secret) as receiver:
            laurel.load([f" 90001 9001 {day:%Y%m%d} 1 700.00"], source="cdnow")
            assert receiver.stdout is not None
            heard = receiver.stdout.readline()
            told = delivered(laurel)  # while the receiver is still there to answer

    assert re.fullmatch(r"notice\.tier_changed mem_[0-9a-f]{32} Your tier was .*\n", heard)
    assert [each["http_status"] for each in told[0]["attempts"]] == [204]
    assert told[0]["delivery_id"] in webhook(laurel, "log")


def test_endpoints_are_stopped_resumed_moved_and_given_new_secrets(laurel: Laurel) -> None:
    secret = webhook(laurel, "add", "https://hooks.example.com/laurel")
    endpoint = json.loads(webhook(laurel, "list", "--json"))[-1]["endpoint_id"]

    assert endpoint in webhook(laurel, "list")
    assert "is stopped" in webhook(laurel, "stop", endpoint)
    assert "is on" in webhook(laurel, "resume", endpoint[-6:])
    assert "other.example.com" in webhook(laurel, "move", endpoint, "https://other.example.com/")
    rotated = webhook(laurel, "rotate", endpoint)
    assert secret != rotated
    assert all(re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", each) for each in (secret, rotated))
    assert "0 deliveries are sent again" in webhook(laurel, "replay", endpoint, "--dead")


def test_what_is_no_endpoint_is_refused_and_said_why(laurel: Laurel) -> None:
    refused = laurel("webhook", "add", "https://10.0.0.1/", exits=1)

    assert re.search("ENDPOINT_REFUSED: .*, problem=the host is no full DNS name", refused)
    assert "see `laurel webhook list`" in laurel("webhook", "stop", "nothing", exits=1)


def test_the_catalogue_of_rewards_is_kept_within_eighty_columns(laurel: Laurel) -> None:
    added = laurel("reward", "add", "coffee", "--points", "1200", "--name", "Coffee", "--stock", "50")
    laurel("reward", "add", "lounge", "--points", "90", "--name", "A long evening in the lounge of gold " * 3)
    laurel("reward", "restock", "coffee", "--by", "-3", "--why", "broken")

    (coffee,) = (
        each for each in json.loads(laurel("reward", "list", "--json")) if each["reward_id"] == "coffee"
    )
    shown = laurel("reward", "list")

    assert added == "coffee costs 1,200 points, 50 left of 50\n"
    assert (coffee["left_count"], coffee["stocked_count"]) == ("47", "47")
    assert re.search(r"coffee .*Coffee .*all .*1,200 .*47 .*47", shown)
    assert re.search(r"lounge .*A long evening .*all .*90 .*any", shown)
    assert max(map(len, shown.splitlines())) <= 80


def test_what_is_no_reward_or_no_program_is_refused_and_said_why(laurel: Laurel) -> None:
    refused = laurel("reward", "add", "x", "--points", "1", "--name", "X", "--tier", "main.bronze", exits=1)

    assert re.search("REWARD_INVALID: .*, terms.tier=the tier set has no such tier", refused)
    assert "REWARD_UNKNOWN" in laurel("reward", "restock", "nothing", "--by", "1", exits=1)
    assert "nothing_here" in laurel("reward", "list", "--program", "nothing_here", exits=1)


def test_a_live_program_is_exported_as_what_it_was_published_from(laurel: Laurel, tmp_path: Path) -> None:
    file = tmp_path / "music_store.yaml"

    laurel("program", "export", "music_store", "-o", str(file))

    assert read_program(str(file)) == preset("music_store")
    assert laurel("program", "diff", "live:music_store", str(file)) == "Nothing differs.\n"
    assert "0 errors" in laurel("program", "lint", "live:music_store")
    assert "nothing_here" in laurel("program", "export", "nothing_here", exits=1)


def test_a_sandbox_travels_in_time_and_what_fell_due_on_the_way_has_happened(laurel: Laurel) -> None:
    (before,) = json.loads(laurel("clock", "--json"))

    told = json.loads(laurel("clock", "music_store", "--by", "35d", "--json"))

    moved = [datetime.fromisoformat(told[each]) for each in ("from_time", "to_time")]
    assert moved[1] - moved[0] == timedelta(days=35)
    assert (before["program"], before["ticking"]) == ("music_store", True)
    assert {"service": "members", "kind": "dormancy"}.items() <= told["happened"][-1].items()
    with pymongo.MongoClient[dict[str, Any]](laurel.run_file().mongodb_uri) as client:
        states = client["laurel_members"]["members"].distinct("activity.state")
    assert states == ["dormant"]
    assert json.loads(laurel("status", "--json"))["drained"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere", "--by", "1d"), "There is no program 'nowhere'"),
        (("music_store", "--to", "1998-07-01"), "has passed that time"),
    ],
    ids=["no such program", "backwards"],
)
def test_a_clock_that_cannot_be_moved_says_why(laurel: Laurel, arguments: tuple[str, ...], says: str) -> None:
    assert says in laurel("clock", *arguments, exits=1)


def test_a_campaign_of_coupons_is_made_and_its_codes_and_coupons_are_files(laurel: Laurel) -> None:
    codes, coupons = laurel.folder / "codes.csv", laurel.folder / "coupons.csv"
    terms = ["--kind", "percentage", "--off-bp", "500", "--from", "1998-07-01", "--until", "2098-07-31"]

    laurel("coupon", "create", "summer", "--zh", "夏日九五折", "--en", "Summer", *terms)
    made = [laurel("coupon", "generate", "summer", "1200", "--out", str(codes)) for _ in range(2)]
    exported = laurel("coupon", "export", "summer", "--out", str(coupons))
    stopped = laurel("coupon", "pause", "summer")

    (campaign,) = json.loads(laurel("coupon", "list", "--json"))
    endings = {row.split(",")[3] for row in coupons.read_text().splitlines()[1:]}
    assert made == [f"1200 codes of summer are in {codes}\n"] * 2
    assert exported == f"1200 coupons of summer are in {coupons}\n"
    assert {row[-4:] for row in codes.read_text().splitlines()[1:]} == endings
    assert stopped == "campaign summer is stopped\n"
    assert (campaign["counts"]["codes_count"], campaign["status"]) == (
        "1200",
        "COUPON_CAMPAIGN_STATUS_PAUSED",
    )
    # New York is four hours behind in summer: the 31st of July ends when it does there.
    assert campaign["terms"]["end_time"] == "2098-08-01T04:00:00Z"
    assert max(map(len, laurel("coupon", "list").splitlines())) <= 80
    assert "COUPON_CAMPAIGN_UNKNOWN" in laurel(
        "coupon", "generate", "winter", "1", "--out", str(laurel.folder / "none.csv"), exits=1
    )


def test_a_program_is_changed_by_two_followed_and_taken_back(laurel: Laurel, tmp_path: Path) -> None:
    held, file = laurel.tiers(), tmp_path / "silver.yaml"
    laurel("program", "export", "music_store", "--out", str(file))
    document = yaml.safe_load(file.read_text())
    (tier_set,) = document["tier_sets"]
    tier_set["movement"] = {"new_version": "apply"}
    tier_set["tiers"][1]["entry"]["value"] = 24_999
    file.write_text(yaml.safe_dump(document, allow_unicode=True))

    proposed = laurel("program", "propose", str(file), "--note", "Silver asks for more", "--as", "max")
    unseen = laurel("program", "approve", "2", "--as", "sue", exits=1)
    shown = laurel("program", "simulate", "2", "--dates", "3", "--assume", "gross_margin_bp=4000")
    again = json.loads(laurel("program", "simulate", "2", "--last", "--first", "1000", "--json"))
    own = laurel("program", "approve", "2", "--as", "max", exits=1)
    approved = laurel("program", "approve", "2", "--as", "sue")
    published = laurel("program", "publish", "2", "--as", "max")
    moved = held["silver"] - laurel.tiers().get("silver", 0)
    back = laurel("program", "rollback", "1", "--reason", "Complaints", "--as", "sue")

    assert "What differs" in proposed
    assert "$249.99" in proposed.replace("\n", "")
    assert "version 2 of music_store is proposed" in proposed
    assert "laurel program simulate 2 --program music_store" in unseen.replace("\n", " ")
    assert f"0 go up, {moved} go down, {sum(held.values()) - moved} stay" in shown
    assert "gross margin: 40 %\n" in shown
    assert "at least: 5 % *" in shown
    assert {(each["from_tier"], each["to_tier"]) for each in again["moves"]} == {("silver", "normal")}
    assert len(again["moves"]) == moved
    assert len(again["simulation"]["dates"]) == 3
    assert max(len(line) for line in shown.splitlines() if not line.startswith("- ")) <= 80
    assert "PROGRAM_VERSION_OF_OWN" in own
    assert f"simulated, main: 0 go up, {moved} go down" in approved
    assert "version 2 of music_store is approved by sue" in approved
    assert moved > 0
    assert f"{sum(held.values())} memberships were decided on, 0 went up, {moved} down" in published
    assert f"version 3 of music_store is live: {sum(held.values())} memberships" in back
    assert laurel.tiers() == held
    table = laurel("program", "versions")
    assert re.findall(r"^ *([0-9]+) {2,}(\w+)", table, re.MULTILINE) == [
        ("3", "live"),
        ("2", "retired"),
        ("1", "retired"),
    ]
    assert max(map(len, table.splitlines())) <= 80
    listed = json.loads(laurel("program", "versions", "--first", "2", "--json"))
    assert [(each["version"], each["reason"]) for each in listed] == [(3, "Complaints"), (2, "")]


def test_better_thresholds_are_found_and_proposed_as_a_draft(laurel: Laurel) -> None:
    looked = ("program", "optimise", "--tier", "gold", "--months", "3")
    won = ("--assume", "gain_high_bp=10000", "--assume", "gross_margin_bp=9000")

    shown = laurel(*looked, "--factor", "8000", "--factor", "9000", *won)
    again = json.loads(laurel(*looked, "--factor", "8000", "--factor", "9000", *won, "--json"))
    chinese = laurel(*looked, "--factor", "8000", "--language", "zh")
    proposed = laurel(*looked, "--factor", "8000", *won, "--propose", "--as", "max")
    (draft,) = json.loads(laurel("program", "versions", "--first", "1", "--json"))
    unknown = laurel("program", "optimise", "--tier", "ruby", exits=1)

    (gold,) = again["suggestions"]
    assert [each["value"] for each in gold["candidates"]] == ["25000", "23000", "20000"]
    assert gold["chosen_value"] == "20000"
    assert "Gold: $200.00 instead of $250.00, net a year" in shown
    assert "With --propose this becomes a draft." in shown
    assert re.search(r"^ *→ +\$200.00 +[0-9,]+ ", shown, re.MULTILINE)
    tables = [line for line in shown.splitlines() if "$" in line and "instead" not in line]
    assert max(map(len, tables)) <= 80
    assert "金卡会员" in chinese
    assert f"laurel program simulate {draft['version']} --program music_store" in proposed
    assert (draft["state"], draft["proposed_by"]) == ("PROGRAM_VERSION_STATE_DRAFT", "max")
    assert draft["note"].startswith("Gold: Lifetime spend at least $200.00, now $250.00; net a year")
    assert "TIER_UNKNOWN" in unknown


def test_a_version_waits_for_its_time_and_may_be_withdrawn_until_then(laurel: Laurel, tmp_path: Path) -> None:
    file = tmp_path / "dormancy.yaml"
    laurel("program", "export", "music_store", "--out", str(file))
    document = yaml.safe_load(file.read_text()) | {"dormancy": {"after_days": 40}}
    file.write_text(yaml.safe_dump(document, allow_unicode=True))
    laurel("program", "propose", str(file), "--note", "Sleepers sleep later", "--as", "max")
    number = str(json.loads(laurel("program", "versions", "--first", "1", "--json"))[0]["version"])
    laurel("program", "simulate", number, "--as-of", "1998-05-31", "--language", "zh")
    laurel("program", "approve", number, "--as", "sue")

    scheduled = laurel("program", "publish", number, "--at", "2098-07-01", "--as", "max")
    withdrawn = laurel("program", "reject", number, "--reason", "Not now", "--as", "max")

    assert f"version {number} of music_store is live from 2098-07-01 00:00 America/New_York on" in scheduled
    assert f"version {number} of music_store is rejected" in withdrawn
    assert "PROGRAM_VERSION_STATE" in laurel("program", "publish", number, exits=1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("approve", "99"), "has no version 99"),
        (("publish", "99"), "PROGRAM_VERSION_UNKNOWN"),
        (("simulate", "1", "--last"), "was never simulated"),
        (("simulate", "1"), "PROGRAM_VERSION_STATE"),
        (("simulate", "1", "--assume", "luck=1"), "gross_margin_bp"),
        (("publish", "1", "--at", "soon"), "soon"),
        (("versions", "--program", "nowhere"), "There is no program 'nowhere'"),
        (("rollback", "1", "--reason", ""), "INVALID_REQUEST"),
    ],
    ids=[
        "nothing to approve",
        "nothing to publish",
        "no simulation",
        "nothing to simulate",
        "no assumption",
        "no time",
        "no program",
        "no reason",
    ],
)
def test_a_change_of_nothing_is_refused_and_said_why(
    laurel: Laurel, arguments: tuple[str, ...], says: str
) -> None:
    assert says in laurel("program", *arguments, exits=1)
