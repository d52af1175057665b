"""Why an earning rule gives nothing, or less than it counted: codes, with what their texts speak of."""

OTHER_KIND = "EARNING_OTHER_KIND"
ZERO_AMOUNT = "EARNING_ZERO_AMOUNT"
BELOW_MINIMUM = "EARNING_BELOW_MINIMUM"
BELOW_UNIT = "EARNING_BELOW_UNIT"
CONDITION_NOT_MET = "EARNING_CONDITION_NOT_MET"
CONDITION_FAILED = "EARNING_CONDITION_FAILED"
MULTIPLIED_TO_NOTHING = "EARNING_MULTIPLIED_TO_NOTHING"
CAP_TIMES = "EARNING_CAP_TIMES"
CAP_POINTS = "EARNING_CAP_POINTS"
UP_TO_CAP = "EARNING_UP_TO_CAP"

# Names with values as texts; pairs, so that they are stored and signed in their order.
Params = tuple[tuple[str, str], ...]


def params(**values: object) -> Params:
    """What the text of a reason speaks of."""
    return tuple((name, str(value)) for name, value in sorted(values.items()))
