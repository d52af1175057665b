"""What may go wrong with a command without being a defect: told in one message, without a traceback."""


class CommandError(Exception):
    """A command cannot go on; the text says what to do."""


class RefusedError(CommandError):
    """A service refused a call, for a reason of the contract."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
