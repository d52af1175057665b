"""Lint: each finding where it belongs, with facts that show it, and none on a sound program."""

import time
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from string import Formatter
from typing import Any

import pytest

from libs.common.lint import check
from libs.common.lint.check import lint
from libs.common.lint.findings import FINDINGS
from libs.common.program import Program, preset
from libs.common.texts import LOCALES

Document = dict[str, Any]
NOW = datetime(2026, 11, 23, tzinfo=UTC)
SPEND, INVITES = "purchase.amount_minor.lifetime", "invite.count.lifetime"
# Silver asks for 1,000 or 3 invitations, gold for 5,000 or 10.
SILVER, GOLD = "tier_sets[0].tiers[1]", "tier_sets[0].tiers[2]"


def asks(metric: str, op: str, value: int, **more: Any) -> Document:
    return {"metric": metric, "op": op, "value": value, **more}


def tier(document: Document, place: int) -> Document:
    found: Document = document["tier_sets"][0]["tiers"][place]
    return found


def tier_set(document: Document) -> Document:
    found: Document = document["tier_sets"][0]
    return found


def quota(amount: int | None) -> Document:
    quota = None if amount is None else {"amount": amount, "unit": "uses", "period": "month"}
    return {"benefit": "lounge", "kind": "service", "name": {"zh": "厅", "en": "Lounge"}, "quota": quota}


def season(year: int) -> Document:
    return {
        "key": "sale",
        "name": {"zh": "大促", "en": "Sale"},
        "from_time": f"{year}-11-01T00:00:00Z",
        "to_time": f"{year}-11-12T00:00:00Z",
        "factor_bp": 8_000,
    }


def falling(keep: Document) -> Callable[[Document], object]:
    """Tiers that are lost at the end of the year, and a rule that keeps gold."""

    def change(document: Document) -> None:
        tier_set(document)["movement"] |= {"downgrade": "period_end", "period": {"kind": "year"}}
        tier(document, 2)["keep"] = keep

    return change


def region(**more: Any) -> Document:
    tiers = {"gold": {"entry": asks("spend", ">=", 200_000)}}
    return {"key": "north", "name": {"zh": "北", "en": "North"}, "stores": ["harbin"], "tiers": tiers, **more}


def path(*entries: Document, reward_points: int = 10) -> Document:
    """A growth path of these nodes."""
    name = {"zh": "节点", "en": "Node"}
    nodes = [
        {"key": f"node_{place}", "name": name, "entry": entry, "reward_points": reward_points}
        for place, entry in enumerate(entries, start=1)
    ]
    return {"key": "growth", "name": name, "path": {}, "tiers": [{"key": "start", "name": name}, *nodes]}


def kpi(tier_key: str) -> Document:
    return {
        "key": "back",
        "name": {"zh": "复购", "en": "Back"},
        "metric": "repurchase_rate",
        "value_bp": 4_000,
        "tier_set": "main",
        "tier": tier_key,
    }


def earning(key: str, **more: Any) -> Document:
    return {"key": key, "event_kind": "login", "points_per_event": 1, **more}


def multiplier(key: str, bp: int, condition: str = "") -> Document:
    return {"key": key, "kind": "multiplier", "bp": bp, "condition": condition}


MUCH, SOME = asks("spend", ">=", 500_000), asks("spend", ">=", 100_000)
FOUND: dict[str, tuple[Callable[[Document], object], str, str, dict[str, int] | None]] = {
    "at least 10 and below 5": (
        lambda d: tier(d, 2).update(entry={"all": [asks("spend", ">=", 10), asks("spend", "<", 5)]}),
        "TIER_UNREACHABLE",
        f"{GOLD}.entry",
        None,
    ),
    "gold asks for more than platinum": (
        lambda d: tier(d, 2).update(
            entry={"any": [asks("spend", ">=", 2_000_000), asks("invites", ">=", 30)]}
        ),
        "TIER_SHADOWED",
        f"{GOLD}.entry",
        {SPEND: 2_000_000},
    ),
    "gold by reviews": (
        lambda d: tier(d, 2).update(entry=asks("reviews", ">=", 5)),
        "TIER_EASIER",
        f"{GOLD}.entry",
        {SPEND: 0, INVITES: 0, "review.count.lifetime": 5},
    ),
    "a way that nobody goes": (
        lambda d: tier(d, 2).update(
            entry={"any": [MUCH, {"all": [asks("spend", "<", 5), asks("spend", ">", 5)]}]}
        ),
        "CONDITION_NEVER",
        f"{GOLD}.entry.any[1]",
        None,
    ),
    "a part that everybody meets": (
        lambda d: tier(d, 2).update(entry={"any": [{"all": [asks("spend", ">=", 0)]}, MUCH]}),
        "CONDITION_ALWAYS",
        f"{GOLD}.entry.any[0].all[0]",
        None,
    ),
    "another way that is contained": (
        lambda d: tier(d, 2).update(entry={"any": [MUCH, asks("spend", ">", 600_000)]}),
        "CONDITION_REDUNDANT",
        f"{GOLD}.entry.any[1]",
        None,
    ),
    "two parts that say the same": (
        lambda d: tier(d, 2).update(entry={"all": [MUCH, asks("spend", ">", 499_999)]}),
        "CONDITION_REDUNDANT",
        f"{GOLD}.entry.all[1]",
        None,
    ),
    "a keep rule that nobody meets": (
        falling({"all": [asks("spend", "<", 5), asks("spend", ">", 5)]}),
        "KEEP_IMPOSSIBLE",
        f"{GOLD}.keep",
        None,
    ),
    "a keep rule that everybody meets": (
        falling(asks("spend", ">=", 0)),
        "KEEP_NEVER_FAILS",
        f"{GOLD}.keep",
        None,
    ),
    "a keep rule that is harder than entry": (
        falling(asks("spend", ">=", 600_000)),
        "KEEP_HARDER",
        f"{GOLD}.keep",
        {SPEND: 500_000},
    ),
    "a keep rule where nothing is taken away": (
        lambda d: tier(d, 2).update(keep=asks("spend", ">=", 1)),
        "KEEP_UNUSED",
        f"{GOLD}.keep",
        None,
    ),
    "a worse discount": (
        lambda d: tier(d, 2).update(discount_bp=9_600),
        "DISCOUNT_WORSE",
        f"{GOLD}.discount_bp",
        None,
    ),
    "a lower multiplier": (
        lambda d: tier(d, 2).update(multiplier_bp=15_000),
        "MULTIPLIER_LOWER",
        f"{GOLD}.multiplier_bp",
        None,
    ),
    "a smaller quota": (
        lambda d: [
            tier(d, 1).update(benefits=[quota(3)]),
            tier(d, 2).update(benefits=[quota(2)], inherits=False),
        ],
        "QUOTA_SMALLER",
        f"{GOLD}.benefits",
        None,
    ),
    "a quota on what has been without end": (
        lambda d: [
            tier(d, 1).update(benefits=[quota(None)]),
            tier(d, 2).update(benefits=[quota(2)], inherits=False),
        ],
        "QUOTA_SMALLER",
        f"{GOLD}.benefits",
        None,
    ),
    "a benefit that is not inherited": (
        lambda d: tier(d, 2).update(inherits=False),
        "BENEFIT_LOST",
        f"{GOLD}.inherits",
        None,
    ),
    "a tier above the cap of multipliers": (
        lambda d: d["points"].update(multiplier_max_bp=15_000),
        "MULTIPLIER_CUT",
        f"{SILVER}.multiplier_bp",
        None,
    ),
    "a multiplier below every tier's": (
        lambda d: d["points"].update(multipliers=[multiplier("small", 10_000, "birthday")]),
        "MULTIPLIER_SHADOWED",
        "points.multipliers[0]",
        None,
    ),
    "a multiplier below one that always holds": (
        lambda d: d["points"].update(
            multipliers=[multiplier("day", 15_000, "birthday"), multiplier("all", 15_000)]
        ),
        "MULTIPLIER_SHADOWED",
        "points.multipliers[0]",
        None,
    ),
    "two rules for the same": (
        lambda d: d["points"].update(earn=[earning("one"), earning("other")]),
        "EARN_TWICE",
        "points.earn[1]",
        None,
    ),
    "a cap behind a lower one": (
        lambda d: d["points"].update(
            earn=[earning("one", per_day={"points": 10})],
            caps=[{"key": "all", "per_day": {"points": 10}}],
        ),
        "EARN_CAP_UNREACHED",
        "points.earn[0].per_day",
        None,
    ),
    "tiers for points and nothing else": (
        lambda d: [
            d["points"].update(
                types=[{"key": "miles", "name": {"zh": "里程", "en": "Miles"}, "kind": "tier"}]
            ),
            tier_set(d).update(tiers=tier_set(d)["tiers"][:2]),
            tier(d, 1).update(entry=asks("benefits.miles", ">=", 1_000)),
        ],
        "POINTS_ALONE",
        "tier_sets[0].tiers",
        None,
    ),
    "a season that is over": (
        lambda d: tier_set(d).update(seasons=[season(2025)]),
        "SEASON_PAST",
        "tier_sets[0].seasons[0]",
        None,
    ),
    "a season over tiers that ask for no money": (
        lambda d: [
            tier_set(d).update(seasons=[season(2027)], tiers=tier_set(d)["tiers"][:2]),
            tier(d, 1).update(entry=asks("invites", ">=", 3)),
        ],
        "SEASON_WITHOUT_EFFECT",
        "tier_sets[0].seasons[0]",
        None,
    ),
    "a region beyond the scope": (
        lambda d: [d.update(scope={"stores": ["beijing"]}), tier_set(d).update(variants=[region()])],
        "VARIANT_OUT_OF_SCOPE",
        "tier_sets[0].variants[0].stores",
        None,
    ),
    "a region where gold is easier than silver": (
        lambda d: tier_set(d).update(variants=[region(tiers={"gold": {"entry": asks("invites", ">=", 2)}})]),
        "TIER_EASIER",
        "tier_sets[0].variants[0].tiers.gold.entry",
        {SPEND: 0, INVITES: 2},
    ),
    "a node that is reached without the one before it": (
        lambda d: d["tier_sets"].append(path(asks("reviews", ">=", 1), asks("orders", ">=", 2))),
        "NODE_OUT_OF_ORDER",
        "tier_sets[1].tiers[2].entry",
        {"review.count.lifetime": 0, "purchase.count.lifetime": 2},
    ),
    "a node that gives nothing": (
        lambda d: d["tier_sets"].append(path(asks("reviews", ">=", 1), reward_points=0)),
        "NODE_WITHOUT_REWARD",
        "tier_sets[1].tiers[1]",
        None,
    ),
    "a KPI of a tier that is none": (
        lambda d: d.update(kpis=[kpi("bronze")]),
        "KPI_TIER_UNKNOWN",
        "kpis[0].tier",
        None,
    ),
    "three levels of referral": (
        lambda d: d.update(referral={"rates_bp": [3_000, 5_000, 8_000]}),
        "REFERRAL_DEPTH",
        "referral.rates_bp",
        None,
    ),
    "a rise that nobody is told": (
        lambda d: d["notices"].update(switched_off=["tier_changed"]),
        "TIER_RISE_UNTOLD",
        "notices.switched_off",
        None,
    ),
    "points that end without a word": (
        lambda d: d["points"].update(expire_after_months=12, expiry_notice_days=[]),
        "EXPIRY_UNTOLD",
        "points.expiry_notice_days",
        None,
    ),
    "points of a type that end without a word": (
        lambda d: [
            d["points"].update(
                types=[
                    {"key": "t", "name": {"zh": "t", "en": "t"}, "kind": "tier", "expire_after_months": 12}
                ]
            ),
            d["notices"].update(switched_off=["points_expiring"]),
        ],
        "EXPIRY_UNTOLD",
        "points.expiry_notice_days",
        None,
    ),
    "contracts that end without a word": (
        lambda d: [
            d.update(contracts=preset("dating_service").document()["contracts"]),
            d["contracts"]["plans"].pop(),
            d["contracts"]["plans"][0].update(grants={"tier_set": "main", "tier": "gold"}),
            d["notices"].update(switched_off=["contract_ending"]),
        ],
        "CONTRACT_END_UNTOLD",
        "notices.switched_off",
        None,
    ),
    "arrears that are forgiven": (
        lambda d: d["points"].update(arrears="forgive"),
        "ARREARS_FORGIVEN",
        "points.arrears",
        None,
    ),
}
SOUND = {"MARKETING_OPT_OUT", "ARREARS_OWED"}


def changed(change: Callable[[Document], object]) -> Program:
    document = deepcopy(preset("ecommerce_five").document())
    change(document)
    return Program.parse(document)


@pytest.mark.parametrize(("change", "code", "path", "witness"), FOUND.values(), ids=list(FOUND))
def test_what_is_wrong_is_found_where_it_is(
    change: Callable[[Document], object], code: str, path: str, witness: dict[str, int] | None
) -> None:
    found = [each for each in lint(changed(change), NOW) if each.code == code]

    assert (path, witness) in [(each.path, each.witness) for each in found]


def test_a_loss_that_nobody_is_told_is_an_error() -> None:
    def change(document: Document) -> None:
        falling(asks("spend", ">=", 1, window="year"))(document)
        document["notices"]["switched_off"] = ["tier_changed"]

    found = {each.code: each.severity for each in lint(changed(change), NOW)}

    assert found["TIER_LOSS_UNTOLD"] == "error"


def test_a_sound_program_is_only_told_what_to_say_in_its_terms() -> None:
    found = lint(preset("ecommerce_five"), NOW)

    assert {each.code for each in found} == SOUND
    assert {each.severity for each in found} == {"note"}


def test_a_third_level_of_referral_is_fine_once_it_is_approved() -> None:
    rates = {"rates_bp": [3_000, 5_000, 8_000], "approved_by": "Counsel"}

    found = lint(changed(lambda document: document.update(referral=rates)), NOW)

    assert "REFERRAL_DEPTH" not in {each.code for each in found}


def test_the_gravest_stand_first() -> None:
    program = changed(
        lambda d: [
            tier(d, 1).update(discount_bp=9_900),
            tier(d, 2).update(entry={"all": [asks("spend", ">", 9), asks("spend", "<", 9)]}),
        ]
    )

    severities = [each.severity for each in lint(program, NOW)]

    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert {*severities} == {"error", "warning", "note"}


def test_every_code_is_tried_here_and_says_what_it_means_in_both_languages() -> None:
    tried = {code for _, code, _, _ in FOUND.values()} | SOUND | {"TIER_LOSS_UNTOLD", "UNSETTLED"}

    assert tried == set(FINDINGS)
    for _, zh, en in FINDINGS.values():
        assert [name for _, name, _, _ in Formatter().parse(zh) if name] != [None]
        assert {name for _, name, _, _ in Formatter().parse(zh) if name} == {
            name for _, name, _, _ in Formatter().parse(en) if name
        }


@pytest.mark.parametrize("name", list(FOUND))
def test_no_parameter_of_a_text_is_missing(name: str) -> None:
    found = lint(changed(FOUND[name][0]), NOW)

    assert [each.text(locale) for each in found for locale in LOCALES if "?" in each.text(locale)] == []


def entangled() -> Program:
    """Silver for eight things at once, each by one of six facts, which have one value each."""
    metrics = ["spend", "orders", "invites", "logins", "reviews", "shares"]
    ways = [{"any": [asks(metric, "==", place) for metric in metrics]} for place in range(8)]

    def change(document: Document) -> None:
        tier_set(document)["tiers"] = tier_set(document)["tiers"][:2]
        tier(document, 1)["entry"] = {"all": ways}

    return changed(change)


def test_as_many_comparisons_as_a_ladder_may_have_are_settled_in_time() -> None:
    started = time.process_time()

    found = {each.code for each in lint(entangled(), NOW)}

    assert "TIER_UNREACHABLE" in found
    assert "UNSETTLED" not in found
    assert time.process_time() - started < 10


def test_conditions_that_are_too_entangled_are_given_up_and_said_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(check, "BRANCHES_MAX", 100)

    found = {each.code: each for each in lint(entangled(), NOW)}

    assert "TIER_UNREACHABLE" not in found
    assert (found["UNSETTLED"].path, found["UNSETTLED"].params) == ("tier_sets[0]", {"tier_set": "main"})
    assert found.keys() >= SOUND
