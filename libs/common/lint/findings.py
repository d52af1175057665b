"""Findings: what lint has to say of a program, how grave each is, and its words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from libs.common.texts import Locale, filled

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding, where it is, and facts of a member that show it where there are such."""

    code: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    witness: Mapping[str, int] | None = None

    @property
    def severity(self) -> Severity:
        """`error`: it does not do what it says. `warning`: look at it. `note`: members should be told."""
        return FINDINGS[self.code][0]

    def text(self, locale: Locale) -> str:
        """What it says, in a language."""
        _, zh, en = FINDINGS[self.code]
        return filled(zh if locale == "zh" else en, self.params)


FINDINGS: Mapping[str, tuple[Severity, str, str]] = MappingProxyType(
    {
        "TIER_UNREACHABLE": (
            "error",
            "没有人能达到{tier}：条件互相矛盾。",
            "Nobody can reach {tier}: what it asks for contradicts itself.",
        ),
        "TIER_SHADOWED": (
            "error",
            "达到{tier}的人都已达到{higher}，没有人会停留在{tier}。",
            "Whoever reaches {tier} has reached {higher}: nobody is ever {tier}.",
        ),
        "TIER_EASIER": (
            "warning",
            "有人达到{tier}却未达到更低的{lower}。",
            "Somebody reaches {tier} without reaching {lower}, which is lower.",
        ),
        "NODE_OUT_OF_ORDER": (
            "error",
            "有人未完成{lower}就能到达成长路径的{tier}。",
            "Somebody reaches {tier} of a growth path without {lower}, which comes before it.",
        ),
        "NODE_WITHOUT_REWARD": (
            "warning",
            "成长路径的{tier}既没有积分奖励，也没有权益。",
            "{tier} of a growth path gives neither points nor benefits.",
        ),
        "CONDITION_NEVER": ("warning", "没有人能满足这一条件。", "Nobody can meet this condition."),
        "CONDITION_ALWAYS": ("warning", "人人都满足这一条件。", "Everybody meets this condition."),
        "CONDITION_REDUNDANT": (
            "warning",
            "这一条件不改变任何结果：{other}已包含它。",
            "This condition changes nothing: {other} says it already.",
        ),
        "KEEP_IMPOSSIBLE": (
            "error",
            "没有人能满足{tier}的保级要求。",
            "Nobody can meet what keeps {tier}.",
        ),
        "KEEP_NEVER_FAILS": (
            "warning",
            "人人都满足{tier}的保级要求，没有人会失去它。",
            "Everybody meets what keeps {tier}: nobody ever loses it.",
        ),
        "KEEP_HARDER": (
            "warning",
            "{tier}的保级要求不低于入级要求，不起作用：满足入级要求即可保级。",
            "Keeping {tier} asks for no less than reaching it, which keeps it too: this rule does nothing.",
        ),
        "KEEP_UNUSED": (
            "warning",
            "{tier}有保级要求，但本等级体系不降级。",
            "{tier} has a keep rule, and no tier is taken away here.",
        ),
        "DISCOUNT_WORSE": (
            "warning",
            "{tier}的折扣不如更低的{lower}。",
            "{tier} pays more of a price than {lower}, which is lower.",
        ),
        "MULTIPLIER_LOWER": (
            "warning",
            "{tier}的积分倍率低于更低的{lower}。",
            "{tier} multiplies points by less than {lower}, which is lower.",
        ),
        "QUOTA_SMALLER": (
            "warning",
            "{tier}的{benefit}少于更低的{lower}。",
            "{tier} has less of {benefit} than {lower}, which is lower.",
        ),
        "BENEFIT_LOST": (
            "warning",
            "{tier}不继承{lower}的{benefit}，升级后会失去它。",
            "{tier} does not inherit {benefit} of {lower}: who rises loses it.",
        ),
        "MULTIPLIER_CUT": (
            "warning",
            "{tier}的倍率超过上限multiplier_max_bp，不会全部生效。",
            "{tier} multiplies by more than multiplier_max_bp, which cuts it off.",
        ),
        "MULTIPLIER_SHADOWED": (
            "warning",
            "倍率{key}从不起作用：{other}总是不低于它。",
            "The multiplier {key} never counts: {other} is never lower.",
        ),
        "EARN_TWICE": (
            "warning",
            "规则{key}与{other}的条件相同，同一行为两次得分。",
            "The rules {key} and {other} ask for the same: what meets one is paid twice.",
        ),
        "EARN_CAP_UNREACHED": (
            "warning",
            "规则{key}自己的每日上限从不起作用：{other}的上限不高于它。",
            "The rule {key} never reaches a cap of its own: that of {other} is no higher.",
        ),
        "POINTS_ALONE": (
            "warning",
            "{tier_set}只以积分定级（唯积分论）：请给会员另一条途径。",
            "{tier_set} is reached by points alone: give members another way.",
        ),
        "SEASON_PAST": ("warning", "{season}已经结束。", "{season} is over."),
        "SEASON_WITHOUT_EFFECT": (
            "warning",
            "{season}不改变任何门槛：没有以金额计的条件。",
            "{season} changes no threshold: none is money.",
        ),
        "VARIANT_OUT_OF_SCOPE": (
            "warning",
            "{variant}的门店不在计划的范围内：{stores}。",
            "{variant} is about stores that are not in the scope of the program: {stores}.",
        ),
        "KPI_TIER_UNKNOWN": (
            "error",
            "指标{key}所指的等级不存在：{tier}。",
            "{key} is about {tier}, which is no tier.",
        ),
        "REFERRAL_DEPTH": (
            "error",
            "推荐奖励有{depth}级，超过{free}级须经合规批准（approved_by）。",
            "Referral pays {depth} levels; more than {free} need compliance to approve them (approved_by).",
        ),
        "TIER_LOSS_UNTOLD": (
            "error",
            "会员会被降级，却不被告知（tier_changed已关闭）。",
            "Members lose tiers and are not told (tier_changed is switched off).",
        ),
        "TIER_RISE_UNTOLD": (
            "warning",
            "会员升级而不被告知原因（tier_changed已关闭）。",
            "Members rise and are not told why (tier_changed is switched off).",
        ),
        "EXPIRY_UNTOLD": (
            "error",
            "积分会过期，会员却不会提前得到通知。",
            "Points expire, and members are not told before.",
        ),
        "CONTRACT_END_UNTOLD": (
            "warning",
            "付费会员到期前不会得到通知（contract_ending已关闭）。",
            "Contracts end, and members are not told before (contract_ending is switched off).",
        ),
        "MARKETING_OPT_OUT": (
            "note",
            "营销通知默认发送，直到会员拒绝：不少地方要求事先同意（opt_in）。",
            "Marketing goes to whoever has not refused it; many places ask for consent first (opt_in).",
        ),
        "ARREARS_OWED": (
            "note",
            "退款可使积分为负，以后所得先抵扣：请在会员规则中说明。",
            "A refund may leave points below zero, and what is earned next pays for it: say so in the terms.",
        ),
        "ARREARS_FORGIVEN": (
            "note",
            "退款时已用掉的积分不追回：请在会员规则中说明。",
            "Points that were spent are not taken back with a refund: say so in the terms.",
        ),
        "UNSETTLED": (
            "note",
            "条件过于复杂，{tier_set}没有全部检查。",
            "The conditions of {tier_set} are too entangled: not all of it was looked at.",
        ),
    }
)
"""Every code with how grave it is and what it says."""
