"""What benefits learns from others: from members what they did and who is shown, from risk whom it trusts."""

from laurel.members.v1 import events_pb2
from laurel.risk.v1 import risk_pb2
from libs.common.birthdays import Birthday
from libs.common.homes import Belongs, KeepHomes
from libs.common.redis import StreamMessage
from libs.common.rpc.time import moment
from libs.common.visibility import home_of
from services.benefits.domain.memberships import Inbound
from services.benefits.domain.occasions import Activity
from services.benefits.handlers.activity import ActivityHandlers
from services.benefits.handlers.birthdays import BirthdayHandlers, ToldBirthday
from services.benefits.handlers.break_glasses import BreakGlassHandlers, ToldBreakGlass
from services.benefits.handlers.decisions import DecisionHandlers
from services.benefits.handlers.held_upgrades import HeldUpgrades
from services.benefits.messages import activity, member_event

STREAM, RISK_STREAM = "members.events", "risk.events"


class MemberEvents:
    """Collects what one partition brings by program and member, and has it decided and told."""

    def __init__(
        self,
        decisions: DecisionHandlers,
        activities: ActivityHandlers,
        birthdays: BirthdayHandlers,
        break_glasses: BreakGlassHandlers,
        keep_homes: KeepHomes,
    ) -> None:
        self._decisions, self._activities, self._birthdays = decisions, activities, birthdays
        self._break_glasses, self._keep_homes = break_glasses, keep_homes

    async def apply(self, partition: int, messages: list[StreamMessage]) -> None:
        """Apply the announcements of one partition, whatever their order and however often they come."""
        await self._keep_homes([home for home in map(_home, messages) if home is not None])
        # Before the events: who tells their birthday and buys something is to have what it gives.
        await self._birthdays.apply(_birthdays(messages))
        by_program: dict[str, dict[str, Inbound]] = {}
        for message in messages:
            announced = _announced(message)
            if announced is not None:
                members = by_program.setdefault(announced.program_id, {})
                members.setdefault(announced.member_id, announced).events.update(announced.events)
        for members in by_program.values():
            await self._decisions.apply(partition, list(members.values()))
        for activities in _activities(messages).values():
            await self._activities.apply(activities)
        for opened in _break_glasses(messages):
            await self._break_glasses.apply(opened)


class RiskEvents:
    """Collects of whom risk has another word, and has what waits for it decided on again."""

    def __init__(self, held: HeldUpgrades) -> None:
        self._held = held

    async def apply(self, partition: int, messages: list[StreamMessage]) -> None:
        """Apply the announcements of one partition, whatever their order and however often they come."""
        by_program: dict[str, set[str]] = {}
        for message in messages:
            if message.type == risk_pb2.RiskProfileChanged.DESCRIPTOR.name:
                changed = risk_pb2.RiskProfileChanged.FromString(message.payload)
                by_program.setdefault(changed.program_id, set()).add(changed.member_id)
        for program_id, members in by_program.items():
            await self._held.changed(program_id, sorted(members))


def _home(message: StreamMessage) -> Belongs | None:
    if message.type != events_pb2.MemberRegistered.DESCRIPTOR.name:
        return None
    registered = events_pb2.MemberRegistered.FromString(message.payload)
    return registered.program_id, registered.member_id, home_of(registered.home)


def _activities(messages: list[StreamMessage]) -> dict[str, list[Activity]]:
    """The changes of whether members are about, by program and in order."""
    by_program: dict[str, list[Activity]] = {}
    for message in messages:
        if message.type == events_pb2.ActivityChanged.DESCRIPTOR.name:
            changed = activity(events_pb2.ActivityChanged.FromString(message.payload))
            by_program.setdefault(changed.program_id, []).append(changed)
    return by_program


def _birthdays(messages: list[StreamMessage]) -> list[ToldBirthday]:
    """The birthdays that were recorded, changed or taken out."""
    announced = (
        events_pb2.BirthdayChanged.FromString(message.payload)
        for message in messages
        if message.type == events_pb2.BirthdayChanged.DESCRIPTOR.name
    )
    return [
        ToldBirthday(
            program_id=each.program_id,
            member_id=each.member_id,
            birthday=Birthday.parse(each.birthday) if each.birthday else None,
            change_seq=each.change_seq,
        )
        for each in announced
    ]


def _break_glasses(messages: list[StreamMessage]) -> list[ToldBreakGlass]:
    """The break-glasses that were opened."""
    announced = (
        events_pb2.BreakGlassOpened.FromString(message.payload)
        for message in messages
        if message.type == events_pb2.BreakGlassOpened.DESCRIPTOR.name
    )
    return [
        ToldBreakGlass(each.program_id, each.break_glass_id, each.opened_by, moment(each.until_time))
        for each in announced
    ]


def _announced(message: StreamMessage) -> Inbound | None:
    if message.type == events_pb2.FactsChanged.DESCRIPTOR.name:
        changed = events_pb2.FactsChanged.FromString(message.payload)
        events = {event.seq: member_event(event) for event in changed.events}
        return Inbound(changed.program_id, changed.member_id, moment(changed.registered_time), events)
    if message.type == events_pb2.MemberRegistered.DESCRIPTOR.name:
        registered = events_pb2.MemberRegistered.FromString(message.payload)
        return Inbound(registered.program_id, registered.member_id, moment(registered.registered_time))
    return None
