"""Sending to a stream: what is sent goes in one step, and to no Valkey that has lost what was sent before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.common.ids import new_id
from libs.common.mongo import Document
from libs.common.redis import PARTITIONS, Redis, stream_key
from libs.common.tracing import TRACEPARENT

# KEYS are that of the run, then those of the partitions.
_RUN = "local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')"
# ARGV: of each row its partition, type, payload, subject and trace.
_SEND = f"""{_RUN}
if redis.call('GET', KEYS[1]) ~= run then return false end
local last = {{}}
for place = 1, #KEYS - 1 do last[place] = '' end
for at = 1, #ARGV, 5 do
  local place = ARGV[at] + 1
  local row = {{'type', ARGV[at + 1], 'payload', ARGV[at + 2], 'subject', ARGV[at + 3]}}
  if ARGV[at + 4] ~= '' then row[7], row[8] = '{TRACEPARENT}', ARGV[at + 4] end
  last[place] = redis.call('XADD', KEYS[place + 1], '*', unpack(row))
end
return last
"""
# ARGV: the name of the look.
_LOOK = f"""{_RUN}
redis.call('SET', KEYS[1], ARGV[1])
local found = {{run}}
for place = 2, #KEYS do
  local info = redis.pcall('XINFO', 'STREAM', KEYS[place])
  found[place] = ''
  for at = 1, #info, 2 do
    if info[at] == 'last-generated-id' then found[place] = info[at + 1] end
  end
end
return found
"""
# ARGV: the name of the look, and the run that it found.
_KNOW = f"""{_RUN}
if redis.call('GET', KEYS[1]) == ARGV[1] and run == ARGV[2] then redis.call('SET', KEYS[1], run) end
"""


@dataclass(frozen=True, slots=True)
class Look:
    """What a server holds: its run, and the last entry of each partition that has any."""

    name: str
    run_id: str
    last: Mapping[int, str]


class Sending:
    """Puts rows on the partitions of a stream, as long as the server is the one that is known.

    The run id of the known server is kept among the streams: a restart gives
    it another one, a flush takes away the one that was kept. It is compared
    in the step that sends, as entries sent later would hide what was lost.
    """

    def __init__(self, redis: Redis, stream: str) -> None:
        self._send, self._look, self._know = map(redis.register_script, (_SEND, _LOOK, _KNOW))
        self._keys = [f"{stream}.run", *(stream_key(stream, partition) for partition in range(PARTITIONS))]

    async def send(self, rows: Sequence[Document]) -> Mapping[int, str] | None:
        """Send rows in order; gives the last entry of each partition. None: the server is not known."""
        told = []
        for row in rows:
            told += [row["partition"], row["type"], row["payload"], row["subject"], row.get(TRACEPARENT, "")]
        last = await self._send(keys=self._keys, args=told)
        return None if last is None else _by_partition(last)

    async def look(self) -> Look:
        """See what the server holds; what it loses after this it is not known with."""
        name = new_id("look")
        run_id, *last = await self._look(keys=self._keys, args=[name])
        return Look(name, run_id.decode(), _by_partition(last))

    async def know(self, look: Look) -> None:
        """Know the server from now on, unless it lost something or began again after the look."""
        await self._know(keys=self._keys, args=[look.name, look.run_id])


def _by_partition(entry_ids: Sequence[bytes]) -> dict[int, str]:
    return {partition: entry_id.decode() for partition, entry_id in enumerate(entry_ids) if entry_id}
