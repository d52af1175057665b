"""Receipts: everything that a tier decision read and found, with a digest that proves it.

The digest is SHA-256 over the canonical JSON (RFC 8785) of this object, whose
names are those of the proto, all of them present:

    schema_version, program_id, program_version, program_digest, tier_set,
    facts_digest, from_tier, to_tier
                    as they are
    model_versions  object of texts; empty while no model is read
    as_of           RFC 3339 with milliseconds and Z: "1998-07-01T00:00:00.000Z"
    cause           {"event": {"event_id", "seq"}}, {"run_id": …} or {"actor": …}
    facts           [{"name", "value"}], sorted by name
    rules           [{"tier", "path", "metric", "fact", "op", "threshold", "value", "met", "margin"}]
    outcome         without the prefix of the enum: "UPGRADED"
    reasons         [{"code", "params"}], params an object of texts
    next            {"tier", "gaps": [{"path", "metric", "value", "threshold", "missing"}]}, null at the top
    terms           {"look": "REVIEW", "before": {"in_grace", "review_time"}, "after": {…}}, times as as_of or
                    null; with schema_version 2 only, which all receipts have that know of terms. A term
                    has an "override" while staff decide on it: {"code", "earned_in_grace",
                    "earned_review_time", "earned_tier", "until_time"}; and with the look OVERRIDE, "given"
                    is what they ordered: {"code", "decision_id", "tier", "until_time"}
    variant         the region by whose rules it was decided, where it is one; with schema_version 2 only

`facts_digest` is the same over the value of `facts` alone.

The text is written here piece by piece, keys in order, since building the
object and writing it down with a general writer takes three quarters of a
decision. Nothing but a cause needs escaping: all other texts are keys, names
and codes of a checked program. A test holds it equal to canonical().
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from services.scoring.domain.moves import Look, Outcome
from services.scoring.domain.rules import RULES_HELD, Rule, RuleResult
from services.scoring.domain.terms import NO_TERM, Given, Override, Term

# Of receipts without terms and regions, and with them.
SCHEMA_VERSION, TERMS_SCHEMA_VERSION = 1, 2
_quoted = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class EventCause:
    """The event that made us decide; the registration has seq 0 and no id."""

    event_id: str
    seq: int


@dataclass(frozen=True, slots=True)
class RunCause:
    """The run of a job that made us decide."""

    run_id: str


@dataclass(frozen=True, slots=True)
class ActorCause:
    """The person who decided by hand."""

    actor: str


Cause = EventCause | RunCause | ActorCause


@dataclass(frozen=True, slots=True)
class Reason:
    """A code of reasons.ReasonCode with the parameters of its text."""

    code: str
    params: dict[str, str]


@dataclass(frozen=True, slots=True)
class NextTier:
    """The tier above, and what each of its rules says."""

    tier: str
    gaps: tuple[RuleResult, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """The program that decided."""

    program_id: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What made us look, what staff ordered if it was they, and the term of the tier before and after it."""

    look: Look
    before: Term
    after: Term
    given: Given | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A decision about a tier with all that it rests on, and the digest of it."""

    policy: Policy
    tier_set: str
    as_of: datetime
    cause: Cause
    facts: tuple[tuple[str, int], ...]
    rules: tuple[RuleResult, ...]
    outcome: Outcome
    from_tier: str
    to_tier: str
    reasons: tuple[Reason, ...]
    next: NextTier | None
    terms: Terms | None = None
    variant: str = ""
    facts_digest: str = field(init=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts_digest", _sha256(_facts(self.facts)))
        object.__setattr__(self, "digest", receipt_digest(self))

    @property
    def schema_version(self) -> int:
        """Of the receipt's form."""
        return TERMS_SCHEMA_VERSION if self.terms or self.variant else SCHEMA_VERSION

    @property
    def term(self) -> Term:
        """The term of the tier after the decision."""
        return NO_TERM if self.terms is None else self.terms.after


def receipt_digest(receipt: Receipt) -> str:
    """The digest that a receipt of this content must carry."""
    return _sha256(canonical_text(receipt))


def canonical_text(receipt: Receipt) -> str:
    """The canonical JSON that the digest is made of."""
    policy = receipt.policy
    rules = ",".join(map(_rule, receipt.rules))
    reasons = ",".join(map(_reason, receipt.reasons))
    return (
        f'{{"as_of":{_time(receipt.as_of)},"cause":{_cause(receipt.cause)},'
        f'"facts":{_facts(receipt.facts)},"facts_digest":"{receipt.facts_digest}",'
        f'"from_tier":"{receipt.from_tier}","model_versions":{{}},"next":{_next(receipt.next)},'
        f'"outcome":"{receipt.outcome}","program_digest":"{policy.digest}","program_id":"{policy.program_id}",'
        f'"program_version":{policy.version},"reasons":[{reasons}],'
        f'"rules":[{rules}],"schema_version":{receipt.schema_version},{_terms(receipt.terms)}'
        f'"tier_set":"{receipt.tier_set}","to_tier":"{receipt.to_tier}"{_variant(receipt.variant)}}}'
    )


def _variant(variant: str) -> str:
    return f',"variant":"{variant}"' if variant else ""


def _terms(terms: Terms | None) -> str:
    if terms is None:
        return ""
    before, after, given = _term(terms.before), _term(terms.after), _given(terms.given)
    return f'"terms":{{"after":{after},"before":{before},{given}"look":"{terms.look}"}},'


def _given(given: Given | None) -> str:
    if given is None:
        return ""
    decision_id = _quoted(given.decision_id)
    return (
        f'"given":{{"code":"{given.code}","decision_id":{decision_id},"tier":"{given.tier}",'
        f'"until_time":{_time_or_null(given.until_time)}}},'
    )


def _term(term: Term) -> str:
    override = "" if term.override is None else f'"override":{_override(term.override)},'
    review_time = _time_or_null(term.review_time)
    return f'{{"in_grace":{_bool(term.in_grace)},{override}"review_time":{review_time}}}'


def _override(override: Override) -> str:
    earned = override.earned_term
    return (
        f'{{"code":"{override.code}","earned_in_grace":{_bool(earned.in_grace)},'
        f'"earned_review_time":{_time_or_null(earned.review_time)},"earned_tier":"{override.earned_tier}",'
        f'"until_time":{_time_or_null(override.until_time)}}}'
    )


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _time_or_null(time: datetime | None) -> str:
    return "null" if time is None else _time(time)


def _time(time: datetime) -> str:
    return f'"{time.isoformat(timespec="milliseconds").removesuffix("+00:00")}Z"'


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _facts(facts: tuple[tuple[str, int], ...]) -> str:
    items = [f'{{"name":"{name}","value":{value}}}' for name, value in facts]
    return f"[{','.join(items)}]"


def _cause(cause: Cause) -> str:
    match cause:
        case EventCause():
            return f'{{"event":{{"event_id":{_quoted(cause.event_id)},"seq":{cause.seq}}}}}'
        case RunCause():
            return f'{{"run_id":{_quoted(cause.run_id)}}}'
        case ActorCause():
            return f'{{"actor":{_quoted(cause.actor)}}}'


@lru_cache(RULES_HELD)
def _around(rule: Rule) -> tuple[str, str]:
    """What is the same of a rule for everybody: before its margin, and behind whether it is met."""
    return f'{{"fact":"{rule.fact}","margin":', (
        f',"metric":"{rule.metric}","op":"{rule.op}","path":"{rule.path}","threshold":{rule.threshold},'
        f'"tier":"{rule.tier}","value":'
    )


def _rule(result: RuleResult) -> str:
    rule, value, met = result
    before, behind = _around(rule)
    return f'{before}{value - rule.threshold},"met":{"true" if met else "false"}{behind}{value}}}'


def _reason(reason: Reason) -> str:
    params = ",".join([f'"{name}":"{text}"' for name, text in sorted(reason.params.items())])
    return f'{{"code":"{reason.code}","params":{{{params}}}}}'


def _next(following: NextTier | None) -> str:
    if following is None:
        return "null"
    gaps = ",".join(map(_gap, following.gaps))
    return f'{{"gaps":[{gaps}],"tier":"{following.tier}"}}'


def _gap(result: RuleResult) -> str:
    rule = result.rule
    return (
        f'{{"metric":"{rule.metric}","missing":{result.missing},"path":"{rule.path}",'
        f'"threshold":{rule.threshold},"value":{result.value}}}'
    )
