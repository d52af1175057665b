"""The `laurel` command: its parts, and how it ends when something is wrong."""

import sys

import typer

from libs.cli.commands import audit, init, webhook
from libs.cli.commands.backup import backup, restore
from libs.cli.commands.clock import clock
from libs.cli.commands.demo import demo
from libs.cli.commands.generate import generate
from libs.cli.commands.identity import revoke, rotate_keys
from libs.cli.commands.load import load
from libs.cli.commands.score import score
from libs.cli.commands.status import status
from libs.cli.commands.token import token
from libs.cli.commands.up import up
from libs.cli.commands.verify import verify
from libs.cli.console import err
from libs.cli.errors import CommandError
from libs.common.errors import Refusal

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Laurel, a membership platform, on this machine.",
)
for command in (
    up,
    demo,
    generate,
    load,
    score,
    clock,
    status,
    token,
    rotate_keys,
    revoke,
    verify,
    backup,
    restore,
):
    app.command()(command)
app.add_typer(init.app, name="init")
app.add_typer(audit.app, name="audit")
app.add_typer(webhook.app, name="webhook")


def run() -> None:
    """Run the command; an expected failure is one message and exit status 1."""
    try:
        app()
    except (CommandError, Refusal) as error:
        err.print(str(error), style="bold red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
