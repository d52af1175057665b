"""How many operations are worked on at once, and which are refused first where there is too much to do."""

from enum import IntEnum

from prometheus_client import Counter, Gauge

from libs.common.errors import Overloaded

OPERATIONS = Gauge("laurel_graphql_at_once", "Operations of the graph that are worked on.")
SHED = Counter(
    "laurel_graphql_shed_total",
    "Operations refused while there was too much to do.",
    ["importance"],
)


class Importance(IntEnum):
    """What an operation is for; of two, the lower one is refused first."""

    REPORT = 0  # counts over a whole program, and introspection: nobody stands at a till
    LIST = 1  # pages
    READ = 2  # one member, or what the staff write
    WRITE = 3  # what members and partners write: a till waits


# In hundredths of the places: how full it may be for an operation of each importance to be let in.
_FULL = {Importance.REPORT: 50, Importance.LIST: 70, Importance.READ: 85, Importance.WRITE: 100}


class AtOnce:
    """Places of operations. Each importance has some that those below it never take."""

    def __init__(self, places_max: int) -> None:
        # Where there are few, one is for everybody.
        self._max = {each: max(1, places_max * full // 100) for each, full in _FULL.items()}
        self._taken = 0

    def place(self, importance: Importance) -> "Place":
        """A place while an operation runs, or Overloaded: nobody waits, as of that there is too much."""
        return Place(self, importance)

    def take(self, importance: Importance) -> None:
        """Take a place, or Overloaded."""
        if self._taken >= self._max[importance]:
            SHED.labels(importance.name.lower()).inc()
            raise Overloaded
        self._taken += 1
        OPERATIONS.inc()

    def leave(self) -> None:
        """Leave a place that was taken."""
        self._taken -= 1
        OPERATIONS.dec()


class Place:
    """A place of an operation, taken as long as the block runs."""

    __slots__ = ("_importance", "_places")

    def __init__(self, places: AtOnce, importance: Importance) -> None:
        self._places, self._importance = places, importance

    def __enter__(self) -> None:
        self._places.take(self._importance)

    def __exit__(self, *_: object) -> None:
        self._places.leave()
