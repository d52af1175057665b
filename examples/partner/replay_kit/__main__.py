"""Does to the calls of a partner's client what networks do. Run it beside a development platform:

    python -m examples.partner.replay_kit --tls .laurel/tls --partner music_store.till \\
        members=127.0.0.1:50051 benefits=127.0.0.1:50053

Give the client the addresses that it prints, and end it by Ctrl-C. Afterwards the figures in Laurel must be
those of a run without it. Exit 1: the client came again too early, or called without a deadline.
"""

import argparse
import asyncio
import random
import signal
import sys
from pathlib import Path

from examples.partner.replay_kit.between import between, key_and_certificate
from examples.partner.replay_kit.faults import Deck
from examples.partner.replay_kit.kit import Kit

SEEDS = 1_000_000


async def run(told: argparse.Namespace) -> int:
    """Stand between until somebody ends it, and say what was done."""
    _, certificate = key_and_certificate(told.tls / "partners" / told.partner)
    chance = random.Random(told.seed)
    kit = Kit(certificate, Deck(chance, in_a_row_max=told.in_a_row), chance, say)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with between(dict(told.services), kit, tls=told.tls, partner=told.partner) as addresses:
        for service, address in addresses.items():
            say(f"{service}={address}")
        say(f"ready, with seed {told.seed}; Ctrl-C ends")
        await ended.wait()
    say(kit.summary())
    return 1 if kit.complaints else 0


def say(line: str) -> None:
    """Print a line at once, for those who wait for it."""
    print(line, flush=True)


def service(text: str) -> tuple[str, str]:
    """A service and where it is."""
    name, _, address = text.partition("=")
    if not name or not address:
        raise argparse.ArgumentTypeError(f"{text!r} is not SERVICE=HOST:PORT")
    return name, address


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser("replay_kit", description="Do to a partner's calls what networks do.")
    parser.add_argument("services", nargs="+", type=service, metavar="SERVICE=HOST:PORT")
    parser.add_argument("--tls", type=Path, default=Path(".laurel/tls"), help="of the development platform")
    parser.add_argument("--partner", required=True, metavar="PROGRAM.PARTNER", help="whose client it is")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(SEEDS), help="the same again, the same order"
    )
    parser.add_argument("--in-a-row", type=int, default=3, help="after so many lost answers, one comes")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(run(arguments())))
    except OSError as error:
        sys.exit(str(error))
