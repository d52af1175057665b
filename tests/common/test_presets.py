"""The programs that are shipped: names, thresholds and what each tier grants, as their models say."""

from dataclasses import dataclass

import pytest

from libs.common import clock
from libs.common.lint.check import lint
from libs.common.program import preset, preset_names
from libs.common.program_words import Words


@dataclass(frozen=True)
class Expected:
    """A tier: both names, what reaches it, what it grants by itself, and what is paid of a price."""

    zh: str
    en: str
    asks: str
    benefits: str = ""
    discount_bp: int = 10_000


FIVE = [
    Expected(
        "普通会员",
        "Normal",
        "",
        "member_discount birthday_day_extra_discount event_priority",
        9_800,
    ),
    Expected(
        "银卡会员",
        "Silver",
        "累计消费至少¥1,000.00或成功邀请好友数至少3",
        "silver_discount points_x2 free_shipping",
        9_500,
    ),
    Expected(
        "金卡会员",
        "Gold",
        "累计消费至少¥5,000.00或成功邀请好友数至少10",
        "gold_discount one_to_one_service",
        9_200,
    ),
    Expected(
        "白金会员",
        "Platinum",
        "累计消费至少¥10,000.00或成功邀请好友数至少30",
        "platinum_discount exclusive_gift",
        9_000,
    ),
    Expected(
        "钻石会员",
        "Diamond",
        "累计消费至少¥30,000.00或成功邀请好友数至少100",
        "diamond_discount dedicated_account_manager",
        8_800,
    ),
]
LADDERS: dict[str, list[Expected]] = {
    "dating_annual": [
        Expected("普通会员", "Normal", "", "basic_matching profile_browse"),
        Expected(
            "黄金会员", "Gold", "fee", "advanced_search anonymous_visit_records offline_event_priority_signup"
        ),
        Expected("钻石会员", "Diamond", "fee", "one_to_one_matchmaker cross_city_allocation"),
    ],
    "dating_service": [
        Expected("基础会员", "Basic", "", "partial_profiles regular_matchmaking_events"),
        Expected("高级会员", "Advanced", "fee", "dedicated_matchmaker precise_matching"),
        Expected("VIP会员", "VIP", "fee", "priority_recommendation custom_date_plan image_coaching"),
    ],
    "dating_rfm_quota": [
        Expected("白银", "Silver", "", "full_profiles_per_day"),
        Expected("黄金", "Gold", "RFM至少26,000", "dedicated_human_matchmaker"),
        Expected("钻石", "Diamond", "RFM至少38,000", "priority_recommendation_slot offline_event_access"),
    ],
    "ecommerce_five": FIVE,
    "ecommerce_points": FIVE,
    "ecommerce_four": [
        Expected("普通会员", "Normal", "", "birthday_coupon"),
        Expected(
            "银卡会员",
            "Silver",
            "累计消费至少¥1,000.00或(累计消费至少¥500.00且累计签到次数至少30且累计评价数至少5)",
            "priority_support",
            9_800,
        ),
        Expected(
            "金卡会员",
            "Gold",
            "累计消费至少¥5,000.00或(累计消费至少¥2,500.00且累计签到次数至少90且累计评价数至少15)",
            "one_to_one_support",
            9_500,
        ),
        Expected(
            "钻石会员",
            "Diamond",
            "累计消费至少¥30,000.00或(累计消费至少¥15,000.00且累计签到次数至少180且累计评价数至少40)",
            "dedicated_support",
            9_000,
        ),
    ],
    "ecommerce_platinum_four": [
        Expected("普通会员", "Normal", "", "member_price"),
        Expected(
            "银卡会员",
            "Silver",
            "累计消费至少¥1,000.00或累计签到次数至少6或成功邀请好友数至少3",
            "free_shipping",
            9_800,
        ),
        Expected(
            "金卡会员",
            "Gold",
            "累计消费至少¥5,000.00或累计签到次数至少18或成功邀请好友数至少10",
            "priority_support",
            9_500,
        ),
        Expected(
            "白金会员",
            "Platinum",
            "累计消费至少¥10,000.00或累计签到次数至少36或成功邀请好友数至少30",
            "exclusive_gift",
            9_000,
        ),
    ],
    "ecommerce_annual_value": [
        Expected("基础会员", "Basic", "", "member_price"),
        Expected("活跃会员", "Active", "近365天消费至少¥500.00", "free_shipping", 9_800),
        Expected(
            "高价值会员",
            "High value",
            "近365天消费超过¥5,000.00且近365天订单数至少2",
            "priority_support",
            9_500,
        ),
        Expected(
            "VIP会员",
            "VIP",
            "近365天消费至少¥20,000.00且近365天订单数至少2且(近365天互动次数至少1或近365天评价数至少1)",
            "dedicated_account_manager",
            9_000,
        ),
    ],
    "airline_three": [
        Expected("银卡", "Silver", "", "economy_ticket", 9_500),
        Expected("金卡", "Gold", "近365天消费至少¥20,000.00", "business_ticket lounge", 9_000),
        Expected(
            "钻卡",
            "Diamond",
            "近365天消费至少¥60,000.00",
            "first_class_ticket annual_gala_invitation",
            8_000,
        ),
    ],
    "xiaohongshu_four": [
        Expected("基础级", "Basic", "", "newcomer_guide coupons new_customer_offer standard_service"),
        Expected(
            "潜力级",
            "Potential",
            "综合评分至少3,000",
            "tier_up_reward points_multiplier_event limited_time_offer growth_tasks targeted_support",
        ),
        Expected(
            "核心级",
            "Core",
            "综合评分至少6,000",
            "refined_operation exclusive_support priority_dispatch priority_experience",
        ),
        Expected(
            "战略级",
            "Strategic",
            "invite_only",
            "dedicated_service_team custom_solution exclusive_discount custom_recommendation",
        ),
    ],
    "gym_four": [
        Expected("普通会员", "Normal", "", "gym_access"),
        Expected("白银会员", "Silver", "近365天签到次数至少24或近365天消费至少¥2,000.00", "group_lessons"),
        Expected("黄金会员", "Gold", "近365天签到次数至少72或近365天消费至少¥5,000.00", "body_check"),
        Expected(
            "铂金会员",
            "Platinum",
            "近365天签到次数至少144或近365天消费至少¥10,000.00",
            "free_private_lesson exclusive_gym_area",
        ),
    ],
    "sports_four": [
        Expected("青铜", "Bronze", "", "store_run brand_stickers"),
        Expected("白银", "Silver", "累计消费至少¥1,000.00", "city_event brand_shirt"),
        Expected("黄金", "Gold", "累计消费至少¥5,000.00", "regional_event brand_bag"),
        Expected("铂金", "Platinum", "累计消费至少¥10,000.00", "national_event limited_brand_shoes"),
    ],
    "generic_four_value": [
        Expected("基础", "Basic", "", "member_price"),
        Expected("白银", "Silver", "累计消费至少¥1,000.00", "free_shipping", 9_800),
        Expected("黄金", "Gold", "累计消费至少¥5,000.00", "priority_support", 9_500),
        Expected("钻石", "Diamond", "累计消费至少¥10,000.00", "dedicated_support", 9_000),
        Expected(
            "超级会员", "Super member", "invite_only", "one_to_one_account_manager new_product_first", 8_800
        ),
    ],
    "generic_platinum_four": [
        Expected("基础会员", "Basic", "", "member_price coupons", 9_800),
        Expected("白银会员", "Silver", "累计消费至少¥1,000.00", "free_shipping", 9_500),
        Expected("黄金会员", "Gold", "累计消费至少¥5,000.00", "priority_support", 9_200),
        Expected(
            "铂金会员",
            "Platinum",
            "累计消费至少¥10,000.00",
            "dedicated_account_manager door_to_door_service event_invitations",
            9_000,
        ),
    ],
    "generic_stage_four": [
        Expected("初级", "Junior", "", "newcomer_guide"),
        Expected(
            "中级",
            "Middle",
            "生命周期阶段为成长期或生命周期阶段为成熟期或生命周期阶段为忠诚期",
            "growth_tasks",
        ),
        Expected("高级", "Senior", "生命周期阶段为成熟期或生命周期阶段为忠诚期", "priority_support"),
        Expected("VIP", "VIP", "生命周期阶段为忠诚期", "dedicated_support"),
    ],
    "music_store": [
        Expected("普通会员", "Normal", "", "new_release_letter birthday_coupon"),
        Expected("银卡会员", "Silver", "累计消费至少US$100.00", "points_x2 free_shipping", 9_800),
        Expected("金卡会员", "Gold", "累计消费至少US$250.00", "pre_order_priority gold_badge", 9_500),
        Expected("白金会员", "Platinum", "累计消费至少US$500.00", "limited_editions listening_events", 9_200),
        Expected(
            "钻石会员", "Diamond", "累计消费至少US$1,000.00", "personal_curator signed_record_yearly", 9_000
        ),
    ],
}


def test_every_preset_has_its_ladder_here() -> None:
    assert sorted(LADDERS) == preset_names()


@pytest.mark.parametrize("name", LADDERS)
def test_a_preset_has_the_tiers_thresholds_and_benefits_of_its_model(name: str) -> None:
    program = preset(name)
    (ladder,) = program.tier_sets
    words = Words.of(program, ladder.window, "zh")

    found = [
        Expected(
            tier.name.zh,
            tier.name.en,
            words.condition(tier.entry) if tier.entry else tier.kind if place else "",
            " ".join(grant.benefit for grant in tier.benefits),
            tier.discount_bp,
        )
        for place, tier in enumerate(ladder.tiers)
    ]

    assert program.key == name
    assert found == LADDERS[name]


@pytest.mark.parametrize("name", preset_names())
def test_no_preset_surprises_anybody(name: str) -> None:
    found = lint(preset(name), clock.now())

    assert [each for each in found if each.severity != "note"] == []


def test_the_plans_of_a_dating_year_cost_what_its_model_says() -> None:
    plans = {each.key: each for each in preset("dating_annual").contracts.plans}

    assert [(plans[key].amount_minor, plans[key].term_months) for key in ("gold_year", "diamond_year")] == [
        (128_800, 12),
        (388_800, 12),
    ]


def test_the_alert_of_the_community_is_below_forty_per_cent_of_its_core() -> None:
    program = preset("xiaohongshu_four")
    (kpi,) = program.kpis

    assert (kpi.metric, kpi.tier, kpi.op, kpi.value_bp, kpi.action) == (
        "repurchase_rate",
        "core",
        ">=",
        4_000,
        "alert",
    )
    assert program.calibration is not None
    assert program.calibration.cadence == "quarterly"
    assert program.labels.lifecycle["active"].zh == "成长期"


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("ecommerce_points", ["高价值", "潜力", "一般", "流失"]),
        ("generic_four_value", ["高价值", "潜力", "流失风险"]),
        ("ecommerce_annual_value", ["高价值", "潜力价值", "低价值"]),
    ],
)
def test_the_sets_of_labels_of_rfm_are_there(name: str, labels: list[str]) -> None:
    rfm = preset(name).rfm

    assert rfm is not None
    assert [each.name.zh for each in rfm.labels] == labels


def test_tiers_by_value_are_kept_by_the_quarter_and_left_step_by_step() -> None:
    (ladder,) = preset("generic_four_value").tier_sets
    words = Words.of(preset("generic_four_value"), ladder.window, "en")

    kept = [words.condition(tier.keep) for tier in ladder.tiers if tier.keep]

    assert kept == [
        f"Spend of the quarter at least CN¥{amount}" for amount in ("200.00", "800.00", "1,500.00")
    ]
    assert (ladder.movement.downgrade, ladder.movement.period) != ("never", None)
