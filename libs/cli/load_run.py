"""What is remembered of a load, so that an interrupted one goes on under the same request ids."""

import hashlib
from pathlib import Path

from pydantic import BaseModel, ValidationError

from libs.common.ids import new_id

LAYOUT = "1"  # of batches; another one needs other request ids


class LoadRun(BaseModel):
    """One load of one file from one source into one program."""

    run_id: str
    complete: bool = False


class LoadRuns:
    """The last load of each file, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def last(self, content: bytes, *, source: str, program_id: str) -> LoadRun | None:
        """The last load of this file, complete or not."""
        try:
            return LoadRun.model_validate_json(self._file(content, source, program_id).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def begin(self, content: bytes, *, source: str, program_id: str) -> LoadRun:
        """The interrupted load of this file, or a new one."""
        last = self.last(content, source=source, program_id=program_id)
        if last is not None and not last.complete:
            return last
        run = LoadRun(run_id=new_id("load"))
        self._write(run, self._file(content, source, program_id))
        return run

    def complete(self, run: LoadRun, content: bytes, *, source: str, program_id: str) -> None:
        """Mark a load as done."""
        self._write(run.model_copy(update={"complete": True}), self._file(content, source, program_id))

    def _file(self, content: bytes, source: str, program_id: str) -> Path:
        named = b"\0".join((LAYOUT.encode(), program_id.encode(), source.encode(), content))
        return self._folder / f"{hashlib.sha256(named).hexdigest()}.json"

    def _write(self, run: LoadRun, file: Path) -> None:
        fresh = file.with_suffix(".new")
        fresh.write_text(run.model_dump_json())
        fresh.replace(file)
