"""A model from the members whom it learns from to what the graph says of one of them."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pymongo
import pytest

from libs.cli.sample import FILE
from tests.cli.terminal import Laurel, stop

ROWS = FILE.read_text().splitlines()[:1200]
YESTERDAY = "19980630"  # by the clock of the sandbox
SECONDS_MAX = 10.0
"""Of a busy machine: a promotion is told after two to four seconds, and an event at once."""
SCORES = """query($id: ID!) { member(id: $id) { scores {
  name policyVersion valueBp label title { en } labelName { en zh }
  contributions { contributionBp } reasons { code text(locale: EN) }
} } }"""


@pytest.fixture(scope="module")
def laurel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laurel]:
    """A platform with some of the sample."""
    laurel = Laurel(tmp_path_factory.mktemp("platform"))
    up = laurel.up()
    try:
        laurel("init", "program", "music_store")
        laurel("init", "store", "online", "--name", "Online")
        laurel("init", "partner", "cdnow", "--name", "CDNOW", "--store", "online")
        laurel.load(ROWS)
        laurel.drained()
        yield laurel
        stop(up)
    finally:
        up.kill()
        up.wait()


def a_member(laurel: Laurel, customer: str) -> str:
    """The id of the member that a customer of the sample is."""
    with pymongo.MongoClient[dict[str, Any]](laurel.run_file().mongodb_uri) as client:
        found = client["laurel_members"]["members"].find_one({"identities.external_id": customer})
        assert found is not None
        member_id: str = found["_id"]
        return member_id


def scores(laurel: Laurel, token: str, member_id: str) -> dict[str, Any]:
    """The scores of a member by name, as the graph shows them to the staff."""
    answer = httpx.post(
        f"{laurel.run_file().gateway_url}/graphql",
        json={"query": SCORES, "variables": {"id": member_id}},
        headers={"authorization": f"Bearer {token}"},
        timeout=10,
    ).json()
    assert "errors" not in answer, answer
    return {score["name"]: score for score in answer["data"]["member"]["scores"]}


def seconds_until(is_so: Callable[[], bool]) -> float:
    """How long it took until something was so."""
    begun = time.monotonic()
    while not is_so():
        assert time.monotonic() - begun < SECONDS_MAX
        time.sleep(0.1)
    return time.monotonic() - begun


def test_a_promoted_model_scores_members_within_seconds_of_what_they_do(laurel: Laurel) -> None:
    token = laurel("token", "--role", "operations_manager").strip()
    customer = ROWS[0].split()[-4]
    member_id = a_member(laurel, customer)
    learned = ("--cut-off", "1997-09-30", "--horizon-days", "273")
    laurel("train", "churn", *learned, "--register", "--by", "ana", "--json")
    assert "churn" not in scores(laurel, token, member_id)

    laurel("promote", "churn", "1", "--as", "champion", "--by", "olga", "--note", "good")

    seconds_until(lambda: "churn" in scores(laurel, token, member_id))
    before = scores(laurel, token, member_id)["churn"]
    assert (before["policyVersion"], before["title"]["en"]) == ("churn/1", "Risk of leaving")
    assert before["label"] in {"high", "medium", "low"}
    assert before["labelName"]["en"]
    assert sum(each["contributionBp"] for each in before["contributions"]) == before["valueBp"]
    assert before["reasons"]
    assert all(reason["text"] and "{" not in reason["text"] for reason in before["reasons"])

    laurel.load([ROWS[0].replace("19970101", YESTERDAY)])

    def has_fallen() -> bool:
        return int(scores(laurel, token, member_id)["churn"]["valueBp"]) < int(before["valueBp"])

    assert seconds_until(has_fallen) < SECONDS_MAX

    later = ("--cut-off", "1998-01-31", "--horizon-days", "150")
    again = json.loads(laurel("train", "churn", *later, "--register", "--by", "ana", "--json"))
    laurel("promote", "churn", str(again["version"]), "--as", "champion", "--by", "olga", "--note", "newer")
    seconds_until(lambda: scores(laurel, token, member_id)["churn"]["policyVersion"] == "churn/2")
