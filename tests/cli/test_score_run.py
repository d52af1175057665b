"""Scores in a folder: an interrupted run goes on, and nothing is mixed with scores of something else."""

from datetime import date
from pathlib import Path

import pytest

from libs.cli.errors import CommandError
from libs.cli.score_run import Manifest, ScoreRun, opened, parts_between


def a_manifest(digest: str = "d1", as_of: date = date(1998, 6, 30)) -> Manifest:
    return Manifest(program_id="music_store", program_version=1, program_digest=digest, as_of=as_of, parts=[])


def begun(run: ScoreRun) -> ScoreRun:
    run.manifest.parts = parts_between(["mem_3", "mem_6"])
    run.save()
    return run


def keep(run: ScoreRun, number: int, text: str = "rows") -> None:
    fresh = run.folder / "fresh"
    fresh.write_text(text)
    run.keep(run.manifest.parts[number], fresh, members=2, labels={"rfm": {"high": 1, "": 1}})


def test_parts_follow_one_another_and_the_last_has_no_end() -> None:
    assert [(part.after, part.through) for part in parts_between(["b", "d"])] == [
        ("", "b"),
        ("b", "d"),
        ("d", ""),
    ]


def test_a_run_goes_on_with_the_parts_that_are_left(tmp_path: Path) -> None:
    with opened(tmp_path / "scores", a_manifest()) as run:
        keep(begun(run), 1)

    with opened(tmp_path / "scores", a_manifest()) as again:
        left = [part.file for part in again.waiting()]

    assert left == ["part-0001.csv", "part-0003.csv"]
    assert (again.members(), again.labels()) == (2, {"rfm": {"high": 1, "": 1}})


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_file_that_is_not_whole_any_more_is_written_again(tmp_path: Path, damage: str) -> None:
    with opened(tmp_path / "scores", a_manifest()) as run:
        keep(begun(run), 0)
    file = tmp_path / "scores" / "part-0001.csv"
    file.unlink() if damage == "gone" else file.write_text("ro")

    with opened(tmp_path / "scores", a_manifest()) as again:
        assert len(again.waiting()) == 3


@pytest.mark.parametrize(
    "other",
    [
        a_manifest(digest="d2"),
        a_manifest(as_of=date(1998, 7, 1)),
        a_manifest().model_copy(update={"facts": ["purchase.count.30d"]}),
    ],
    ids=["another program", "another day", "facts"],
)
def test_scores_of_something_else_are_left_alone_and_it_is_said_what_to_do(
    tmp_path: Path, other: Manifest
) -> None:
    with opened(tmp_path / "scores", a_manifest()) as run:
        begun(run)

    with pytest.raises(CommandError, match=r"(?s)as of 1998-06-30.*--out.*--as-of 1998-06-30") as refused:
        opened(tmp_path / "scores", other).__enter__()

    assert str(tmp_path) in str(refused.value)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(CommandError, match="not empty"):
        opened(tmp_path, a_manifest()).__enter__()


def test_a_manifest_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")

    with pytest.raises(CommandError, match="cannot be read"):
        opened(tmp_path, a_manifest()).__enter__()


def test_two_at_once_do_not_write_to_one_folder(tmp_path: Path) -> None:
    with (
        opened(tmp_path / "scores", a_manifest()),
        pytest.raises(CommandError, match="Another command writes"),
    ):
        opened(tmp_path / "scores", a_manifest()).__enter__()
