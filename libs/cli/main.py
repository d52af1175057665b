"""The `laurel` command: its parts, and how it ends when something is wrong."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from libs.cli.console import err
from libs.cli.errors import CommandError
from libs.common.errors import Refusal

# In the order of the help: each command, or group of commands, with its module and its name there.
COMMANDS = {
    "up": ("up", "up"),
    "demo": ("demo", "demo"),
    "generate": ("generate", "generate"),
    "load": ("load", "load"),
    "score": ("score", "score"),
    "export": ("export", "app"),
    "evaluate": ("evaluate", "app"),
    "train": ("train", "app"),
    "models": ("models", "app"),
    "promote": ("models", "promote"),
    "clock": ("clock", "clock"),
    "status": ("status", "status"),
    "token": ("token", "token"),
    "rotate-keys": ("identity", "rotate_keys"),
    "revoke": ("identity", "revoke"),
    "verify": ("verify", "verify"),
    "backup": ("backup", "backup"),
    "restore": ("backup", "restore"),
    "init": ("init", "app"),
    "program": ("program", "app"),
    "explain": ("explain", "app"),
    "audit": ("audit", "app"),
    "report": ("report", "app"),
    "webhook": ("webhook", "app"),
    "coupon": ("coupon", "app"),
    "reward": ("reward", "app"),
    "tier": ("tier", "app"),
}


class Imported(Mapping[str, Any]):
    """Each command as it is asked for: importing all of them takes longer than most take to run."""

    def __getitem__(self, command: str) -> Any:
        module, name = COMMANDS[command]
        found = getattr(import_module(f"libs.cli.commands.{module}"), name)
        typed = typer.Typer(add_completion=False)
        if isinstance(found, typer.Typer):
            typed.add_typer(found, name=command)
            return typer.main.get_group(typed).commands[command]
        typed.command(command)(found)
        return typer.main.get_command(typed)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Group(TyperGroup):
    """The commands of the table above, none of them imported yet."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Imported()  # type: ignore[assignment]  # nothing is added to it


app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Laurel, a membership platform, on this machine.",
)


@app.callback()
def laurel() -> None:
    """Nothing: a callback makes it a group, though Typer sees no command of it."""


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command; an expected failure is one message and exit status 1."""
    try:
        app(arguments)
    except (CommandError, Refusal) as error:
        err.print(str(error), style="bold red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
