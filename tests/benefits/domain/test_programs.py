"""Programs: which version a document becomes, and what a new version may not change."""

from collections.abc import Callable
from typing import Any

import pytest

from libs.common.errors import ProgramInvalid
from libs.common.program import Program, preset
from services.benefits.domain.errors import ProgramChangeNeedsApproval, ProgramFieldFixed
from services.benefits.domain.programs import Version, next_version
from tests.support.builders import DAY, NOON, PROGRAM

STORE = preset(PROGRAM)
LIVE = next_version(PROGRAM, STORE, None, number=1, now=NOON)


def edited(edit: Callable[[dict[str, Any]], object], program: Program = STORE) -> Program:
    document = program.document()
    edit(document)
    return Program.parse(document)


def renamed(name: str, program: Program = STORE) -> Program:
    return edited(lambda document: document.update(name={"zh": name, "en": name}), program)


def after(draft: Program, live: Version = LIVE) -> Version:
    return next_version(PROGRAM, draft, live, number=live.program.version + 1, now=NOON + DAY)


def test_the_first_document_is_version_one() -> None:
    assert LIVE.program.version == 1
    assert LIVE.effective_time == NOON
    assert LIVE.digest == LIVE.program.digest()


def test_another_document_is_the_next_version_from_now_on() -> None:
    second = after(renamed("Second"))
    third = after(renamed("Third"), second)

    assert [second.program.version, third.program.version] == [2, 3]
    assert second.effective_time == NOON + DAY


def test_the_same_content_is_the_same_version() -> None:
    assert after(STORE) is LIVE
    assert after(Program.parse(STORE.canonical())) is LIVE


def test_the_version_that_a_document_names_does_not_count() -> None:
    assert after(LIVE.program) is LIVE
    assert after(STORE.model_copy(update={"version": 7})) is LIVE
    assert after(renamed("Second", STORE.model_copy(update={"version": 7}))).program.version == 2


def test_going_back_to_an_earlier_content_is_a_new_version() -> None:
    second = after(renamed("Second"))

    assert after(STORE, second).program.version == 3


def test_a_document_with_its_defaults_left_out_is_the_same_version() -> None:
    draft = edited(lambda document: document["tier_sets"][0]["tiers"][0].pop("multiplier_bp"))

    assert after(draft) is LIVE


def test_the_digest_names_content_and_version() -> None:
    digests = {LIVE.digest, after(renamed("Second")).digest, after(STORE, after(renamed("Second"))).digest}

    assert len(digests) == 3


def test_a_program_with_a_live_clock_is_not_changed_without_approval() -> None:
    shop = preset("ecommerce_five")
    live = next_version(shop.key, shop, None, number=1, now=NOON)

    with pytest.raises(ProgramChangeNeedsApproval):
        next_version(shop.key, renamed("Second", shop), live, number=2, now=NOON)


def test_a_tier_goes_when_another_one_replaces_it() -> None:
    def without_diamond(document: dict[str, Any]) -> None:
        tiers = document["tier_sets"][0]["tiers"]
        tiers.pop()
        tiers[-1]["replaces"] = ["diamond"]

    assert after(edited(without_diamond)).program.version == 2


def test_a_tier_that_stands_for_another_goes_on_to() -> None:
    def standing_for_ruby(document: dict[str, Any]) -> None:
        document["tier_sets"][0]["tiers"][-1]["replaces"] = ["ruby"]

    live = after(edited(standing_for_ruby))

    with pytest.raises(ProgramFieldFixed):
        after(STORE, live)


def test_the_document_is_of_the_program_that_the_request_names() -> None:
    with pytest.raises(ProgramInvalid) as refusal:
        next_version("other_store", STORE, None, number=1, now=NOON)

    assert refusal.value.facts == {"key": "is music_store, the request says other_store"}


def with_tier_set(document: dict[str, Any]) -> None:
    document["tier_sets"].append({**document["tier_sets"][0], "key": "season"})


@pytest.mark.parametrize(
    ("field", "edit"),
    [
        ("currency", lambda document: document.update(currency="EUR")),
        ("time_zone", lambda document: document.update(time_zone="Europe/Berlin")),
        ("clock.replay_from", lambda document: document.update(clock={"replay_from": None})),
        ("points.currency", lambda document: document["points"].update(currency="miles")),
        ("tier_sets", lambda document: document["tier_sets"][0].update(key="other")),
        ("tier_sets", with_tier_set),
    ],
    ids=["currency", "time zone", "clock", "points", "tier set renamed", "tier set added"],
)
def test_what_the_books_count_in_stays(field: str, edit: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(ProgramFieldFixed) as refusal:
        after(edited(edit))

    assert set(refusal.value.facts) == {field}


def test_a_refusal_says_from_what_to_what() -> None:
    with pytest.raises(ProgramFieldFixed) as refusal:
        after(edited(lambda document: document.update(currency="EUR", time_zone="Europe/Berlin")))

    assert refusal.value.facts == {
        "currency": "USD to EUR",
        "time_zone": "America/New_York to Europe/Berlin",
    }


def test_a_tier_that_members_may_hold_is_not_removed() -> None:
    with pytest.raises(ProgramFieldFixed) as refusal:
        after(edited(lambda document: document["tier_sets"][0]["tiers"].pop()))

    assert refusal.value.facts == {"tiers": "main.diamond"}


def test_a_tier_may_be_added_and_thresholds_and_rates_may_change() -> None:
    def grown(document: dict[str, Any]) -> None:
        tiers = document["tier_sets"][0]["tiers"]
        tiers[1]["entry"]["value"] = 12_000
        tiers[1]["multiplier_bp"] = 15_000
        tiers.append({**tiers[-1], "key": "onyx", "benefits": []})

    assert after(edited(grown)).program.version == 2
