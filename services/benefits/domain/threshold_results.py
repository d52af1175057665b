"""What looking for better thresholds comes to: a program with the values that were chosen, and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from libs.common.clock import business_date
from libs.common.program import Program
from libs.common.program_words import Words
from services.benefits.domain.points_report import ExpectedRedemption
from services.benefits.domain.programs import Version, tier_set_of
from services.benefits.domain.simulation_results import KEYS_MAX, Remark
from services.benefits.domain.simulations import Assumptions
from services.benefits.domain.threshold_choice import Scale, Suggestion
from services.benefits.domain.thresholds import Asked

NOTE_MAX = 500


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know about the thresholds of a program; what is left open is all of it."""

    program_id: str
    tier_set: str = ""
    tier: str = ""
    condition: str = ""
    factors_bp: tuple[int, ...] = ()
    months: int = 0
    assumptions: Assumptions = field(default_factory=Assumptions)
    assumed: tuple[str, ...] = ()
    members_max: int = 0


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What the tiers of a program had better ask for; `program` is the live one with that in it."""

    question: Question
    live: Version
    program: Program
    dates: tuple[datetime, ...]
    scale: Scale
    expected: ExpectedRedemption
    suggestions: tuple[Suggestion, ...]
    remarks: tuple[Remark, ...]

    @property
    def changed(self) -> bool:
        """Whether any value is better than the live one."""
        return any(each.changed for each in self.suggestions)

    @property
    def note(self) -> str:
        """What changes and what that rests on, for people; empty where nothing changes."""
        changes = [_change(self.live.program, each) for each in self.suggestions if each.changed]
        if not changes:
            return ""
        members = f"{self.scale.walked:,} of {self.scale.total:,} members"
        first, last = (
            business_date(each, self.program.time_zone) for each in (self.dates[0], self.dates[-1])
        )
        text = f"{'; '.join(changes)}. By {members} from {first} to {last}, on assumptions."
        return text if len(text) <= NOTE_MAX else f"{text[: NOTE_MAX - 1]}…"


def _change(program: Program, suggestion: Suggestion) -> str:
    threshold, chosen = suggestion.threshold, suggestion.chosen
    tier_set = tier_set_of(program, threshold.tier_set)
    tier = next(each for each in tier_set.tiers if each.key == threshold.tier)
    words = Words.of(program, tier_set.window, "en")
    after = words.asked(threshold.asked.model_copy(update={"value": chosen.value}))
    low, high = (_signed(words, each.net_minor) for each in (chosen.low, chosen.high))
    before = words.value(threshold.asked.metric, threshold.asked.value)
    return f"{tier.name.en}: {after}, now {before}; net a year {low} to {high}"


def _signed(words: Words, amount_minor: int) -> str:
    return f"{'-' if amount_minor < 0 else ''}{words.money(abs(amount_minor))}"


def remarks_of(live: Program, asked: Asked, scale: Scale, of_history: Sequence[Remark]) -> tuple[Remark, ...]:
    """What is not counted, or not exactly: of the candidates the same as of the live version."""
    own = dict[str, tuple[str, ...]](
        TIERS_LEFT_OUT=asked.left_out,
        TIERS_WITHOUT_THRESHOLD=asked.without,
        REGIONS_UNCHANGED=tuple(each.key for each in live.tier_sets if each.variants),
    )
    return tuple(_remarks(own, scale, of_history))


def _remarks(own: dict[str, tuple[str, ...]], scale: Scale, of_history: Sequence[Remark]) -> Iterator[Remark]:
    if scale.walked < scale.total:
        yield Remark("SAMPLED")
    for code, keys in own.items():
        if keys:
            yield Remark(code, keys=keys[:KEYS_MAX])
    for each in of_history:
        if each.side != "draft":
            yield Remark(each.code, keys=each.keys)
