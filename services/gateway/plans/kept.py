"""The plans that are kept: each operation is planned once, as long as it is asked for."""

from collections import OrderedDict
from dataclasses import dataclass, field

from graphql import OperationDefinitionNode
from strawberry import Schema

from services.gateway.admission.gate import Admitted
from services.gateway.plans.planner import Plan, Planner, conditions_of

WEIGHT_KEPT = 100_000
"""Of all plans that are kept, each with its fields and the tokens of its document; both take up to 2 KiB."""


@dataclass(slots=True)
class _Planned:
    """An operation, and its plan for each set of conditions that was asked for."""

    operation: OperationDefinitionNode  # which has its identity as long as it is kept
    conditions: tuple[str, ...]
    plans: dict[tuple[object, ...], Plan] = field(default_factory=dict)
    weight: int = 0


class Plans:
    """Plans of operations that were let in; those that nobody asked for longest are forgotten first."""

    def __init__(self, schema: Schema, weight_kept: int = WEIGHT_KEPT) -> None:
        self._planner, self._weight_kept = Planner(schema), weight_kept
        self._kept: OrderedDict[int, _Planned] = OrderedDict()
        self.weight = 0

    def of(self, admitted: Admitted) -> Plan | None:
        """The plan of an operation; None where it is left to graphql-core."""
        identity, coerced = id(admitted.operation), admitted.variables.coerced
        planned = self._kept.get(identity)
        if planned is None:
            conditions = conditions_of(admitted.document, admitted.operation)
            if conditions is None:
                return None
            planned = _Planned(admitted.operation, conditions)
        values = tuple(coerced.get(name) for name in planned.conditions)
        plan = planned.plans.get(values)
        if plan is None:
            plan = self._planner.plan(admitted.document, admitted.operation, admitted.variables)
            if plan is None:
                return None
            self._keep(planned, values, plan, plan.size + (admitted.document.token_count or 0))
        else:
            self._kept.move_to_end(identity)
        return plan

    def _keep(self, planned: _Planned, values: tuple[object, ...], plan: Plan, weight: int) -> None:
        if planned.weight + weight > self._weight_kept:
            # One operation under more conditions than all of them may be kept for.
            self.weight -= planned.weight
            planned.plans.clear()
            planned.weight = 0
        self._kept[id(planned.operation)] = planned
        self._kept.move_to_end(id(planned.operation))
        planned.plans[values] = plan
        planned.weight += weight
        self.weight += weight
        while self.weight > self._weight_kept and len(self._kept) > 1:
            _, forgotten = self._kept.popitem(last=False)
            self.weight -= forgotten.weight
