"""What the page knows of a program: its names in one language, and the order of its tiers."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.cli.report_page.html import Voice
from libs.common.conditions import MONEY_METRICS
from libs.common.documents import Text
from libs.common.program import Program
from libs.common.program_words import Words
from libs.common.tier_policy import TierSet


@dataclass(frozen=True, slots=True)
class Ladder:
    """A tier set in one language; tiers of versions before stand where what replaces them stands."""

    program: Program
    tier_set: TierSet
    say: Voice

    @property
    def title(self) -> str:
        """What the tier set is called."""
        return self._in(self.tier_set.name)

    @property
    def names(self) -> list[str]:
        """The tiers' names in ascending rank."""
        return [self._in(tier.name) for tier in self.tier_set.tiers]

    def place(self, tier: str) -> int | None:
        """The rank of a tier, from 0; None for one that is not known here."""
        for place, each in enumerate(self.tier_set.tiers):
            if tier in {each.key, *each.replaces}:
                return place
        return None

    def name(self, tier: str) -> str:
        """What a tier is called; its key where it is not known here."""
        place = self.place(tier)
        return tier if place is None else self.names[place]

    def measured(self, metric: str, fact: str) -> str:
        """What a metric is called, with the window of the fact that it reads."""
        return self._words.metric(metric, fact.rpartition(".")[2] if "." in fact else self.tier_set.window)

    def amount(self, metric: str, value: int) -> str:
        """How much of a metric that is, money with its currency."""
        return self._words.money(value) if metric in MONEY_METRICS else f"{value:,}"

    @property
    def _words(self) -> Words:
        return Words.of(self.program, self.tier_set.window, self.say.locale)

    def _in(self, text: Text) -> str:
        return self.say(text.zh, text.en)


def ladders(program: Program, say: Voice) -> Sequence[Ladder]:
    """The tier sets of a program in its order."""
    return [Ladder(program, each, say) for each in program.tier_sets]
