"""Use cases of scoring: find the program, decide or score. Nothing is saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.common.caller import Principal
from libs.common.errors import InvalidRequest
from services.scoring.domain.receipts import Receipt
from services.scoring.domain.rfm import RfmScore, rfm_score
from services.scoring.domain.tiers import Standing, Step, decide_in_row
from services.scoring.programs import HeldPrograms, NamedProgram

STEPS_MAX = 500


@dataclass(frozen=True, slots=True)
class TierSubject:
    """One membership, and what to decide for it in order."""

    tier_set: str
    standing: Standing
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class DecideTiers:
    """Decide the steps of memberships by a program."""

    principal: Principal
    program: NamedProgram
    subjects: Sequence[TierSubject]


@dataclass(frozen=True, slots=True)
class BatchScore:
    """Score the facts of members by a program, for somebody who must be of it."""

    principal: Principal
    program: NamedProgram
    subjects: Sequence[Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class ScoringHandlers:
    """What scoring does, for the facts in the request and nothing else."""

    programs: HeldPrograms

    def decide_tiers(self, command: DecideTiers) -> list[list[Receipt]]:
        """The receipts of each subject's steps, in order."""
        steps = sum(len(subject.steps) for subject in command.subjects)
        if steps > STEPS_MAX:
            raise InvalidRequest(subjects=f"have {steps} steps, {STEPS_MAX} are allowed in one request")
        program = self.programs.find(command.program, command.principal)
        return [
            decide_in_row(program.ladder(subject.tier_set), subject.standing, subject.steps)
            for subject in command.subjects
        ]

    def batch_score(self, command: BatchScore) -> list[list[RfmScore]]:
        """The scores of each subject, one per policy that the program has."""
        program = self.programs.find(command.program, command.principal).program
        if program.rfm is None:
            return [[] for _ in command.subjects]
        return [[rfm_score(program.rfm, facts)] for facts in command.subjects]
