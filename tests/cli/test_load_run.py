"""Which request ids a load uses: an interrupted one goes on under the same."""

from pathlib import Path

from libs.cli.load_run import LoadRuns


def test_an_interrupted_load_goes_on_under_the_same_id(tmp_path: Path) -> None:
    first = LoadRuns(tmp_path).begin(b"file", source="cdnow", program_id="music_store")

    again = LoadRuns(tmp_path).begin(b"file", source="cdnow", program_id="music_store")

    assert again == first


def test_a_load_after_a_complete_one_is_a_new_one(tmp_path: Path) -> None:
    runs = LoadRuns(tmp_path)
    first = runs.begin(b"file", source="cdnow", program_id="music_store")
    runs.complete(first, b"file", source="cdnow", program_id="music_store")

    again = runs.begin(b"file", source="cdnow", program_id="music_store")

    assert again.run_id != first.run_id
    assert not again.complete


def test_another_file_source_or_program_is_another_load(tmp_path: Path) -> None:
    runs = LoadRuns(tmp_path)

    ids = {
        runs.begin(content, source=source, program_id=program).run_id
        for content, source, program in [
            (b"file", "cdnow", "music_store"),
            (b"other", "cdnow", "music_store"),
            (b"file", "shop", "music_store"),
            (b"file", "cdnow", "other"),
        ]
    }

    assert len(ids) == 4
