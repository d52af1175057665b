"""Lint of a ladder: tiers that nobody is ever in, rules that do nothing, higher tiers that are easier."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from libs.common.boxes import Budget, Formula, Reading, both, either, implies, negated, witness
from libs.common.conditions import Condition, parts
from libs.common.lint.findings import Finding
from libs.common.tier_policy import Tier, TierSet


@dataclass(frozen=True, slots=True)
class Ladder:
    """A tier set as it is everywhere, or in a region; `place` says where in the document a tier is."""

    tier_set: TierSet
    place: Callable[[int, Tier], str]
    reading: Reading
    budget: Budget

    def findings(self) -> Iterator[Finding]:
        """What is wrong with what its tiers ask for; Unsettled when its conditions are too entangled."""
        below: tuple[Tier, Formula] | None = None
        for rank, tier in enumerate(self.tier_set.tiers):
            if tier.entry is None:
                continue
            entry, path = self.reading.formula(tier.entry), self.place(rank, tier)
            shown = witness(entry, self.budget)
            if shown is None:
                yield Finding("TIER_UNREACHABLE", f"{path}.entry", {"tier": tier.key})
            else:
                yield from self._shadowed(rank, tier, entry)
                yield from self._tree(tier.entry, f"{path}.entry")
                if below is not None:
                    yield from self._easier(path, tier, entry, below)
                below = tier, entry
            yield from self._keep(path, tier, entry)

    def _shadowed(self, rank: int, tier: Tier, entry: Formula) -> Iterator[Finding]:
        above = [each for each in self.tier_set.tiers[rank + 1 :] if each.entry is not None]
        formulas = [self.reading.formula(each.entry) for each in above]
        if above and implies(entry, either(*formulas), self.budget):
            names = [each.key for each, one in zip(above, formulas, strict=True) if self._meet(entry, one)]
            params = {"tier": tier.key, "higher": "/".join(names)}
            yield self._shown("TIER_SHADOWED", f"{self.place(rank, tier)}.entry", params, entry)

    def _easier(
        self, path: str, tier: Tier, entry: Formula, below: tuple[Tier, Formula]
    ) -> Iterator[Finding]:
        lower, formula = below
        shows = both(entry, negated(formula))
        if self._meet(shows):
            params = {"tier": tier.key, "lower": lower.key}
            code = "TIER_EASIER" if self.tier_set.path is None else "NODE_OUT_OF_ORDER"
            yield self._shown(code, f"{path}.entry", params, shows)

    def _keep(self, path: str, tier: Tier, entry: Formula) -> Iterator[Finding]:
        if tier.keep is None:
            return
        keep, params, path = self.reading.formula(tier.keep), {"tier": tier.key}, f"{path}.keep"
        movement = self.tier_set.movement
        if movement.downgrade == "never" and movement.new_version == "keep":
            yield Finding("KEEP_UNUSED", path, params)
        if not self._meet(keep):
            yield Finding("KEEP_IMPOSSIBLE", path, params)
            return
        yield from self._tree(tier.keep, path)
        if not self._meet(negated(keep)):
            yield Finding("KEEP_NEVER_FAILS", path, params)
        elif implies(keep, entry, self.budget):
            yield self._shown("KEEP_HARDER", path, params, both(entry, negated(keep)))

    def _tree(self, condition: Condition, path: str) -> Iterator[Finding]:
        """What of a condition nobody meets, everybody meets, or makes no difference."""
        joined, children = parts(condition)
        if not joined:
            if not self._meet(negated(self.reading.formula(condition))):
                yield Finding("CONDITION_ALWAYS", path)
            return
        formulas = [self.reading.formula(child) for child in children]
        for index, child in enumerate(children):
            here = f"{path}.{joined}[{index}]"
            other = self._other(joined, formulas, index)
            if not self._meet(formulas[index]):
                yield Finding("CONDITION_NEVER", here)
            elif other is not None:
                yield Finding("CONDITION_REDUNDANT", here, {"other": f"{joined}[{other}]"})
            else:
                yield from self._tree(child, here)

    def _other(self, joined: str, formulas: Sequence[Formula], index: int) -> int | None:
        """A part beside this one that says what it says; of two that say the same, the later is redundant."""
        for other, formula in enumerate(formulas):
            if other == index or not self._meet(formula):
                continue
            weaker, stronger = (formulas[index], formula) if joined == "any" else (formula, formulas[index])
            if implies(weaker, stronger, self.budget):
                same = implies(stronger, weaker, self.budget)
                if not same or other < index:
                    return other
        return None

    def _meet(self, *formulas: Formula) -> bool:
        return witness(both(*formulas), self.budget) is not None

    def _shown(self, code: str, path: str, params: dict[str, str], shows: Formula) -> Finding:
        found = witness(shows, self.budget)
        return Finding(code, path, params, None if found is None else self.reading.facts(found))
