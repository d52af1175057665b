"""`laurel program`: presets, documents, what is wrong with them, and what differs between two."""

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import yaml

from libs.cli import main
from libs.cli.programs import read_program, yaml_of
from libs.common.program import preset, preset_names
from libs.common.program_modifiers import modifier
from libs.common.program_schema import schema_text


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def laurel(*arguments: str, exits: int = 0) -> str:
    """What a command prints; how it ends is checked."""
    told, errors = StringIO(), StringIO()
    with redirect_stdout(told), redirect_stderr(errors), pytest.raises(SystemExit) as ended:
        main.run(["program", *arguments])
    assert (ended.value.code or 0) == exits, errors.getvalue()
    return told.getvalue() + errors.getvalue()


def flawed(folder: Path) -> str:
    """A file of a program whose gold nobody reaches."""
    document = preset("sports_four").document()
    document["tier_sets"][0]["tiers"][2]["entry"] = {
        "all": [{"metric": "spend", "op": op, "value": 5} for op in (">", "<")]
    }
    file = folder / "flawed.yaml"
    file.write_text(yaml.safe_dump(document))
    return str(file)


def test_all_that_is_shipped_is_listed() -> None:
    listed = laurel("presets")

    assert [name for name in preset_names() if f"│ {name} " not in listed] == []
    assert "modifier of any" in listed
    assert max(map(len, listed.splitlines())) <= 80


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", [*preset_names(), "elastic_two_group", "restaurant_segments"])
def test_whatever_is_shipped_is_shown_within_eighty_columns(name: str, language: str) -> None:
    shown = laurel("show", name, "--language", language)

    wide = sum(ord(letter) > 0x2E80 for letter in max(shown.splitlines(), key=len))
    assert len(max(shown.splitlines(), key=len)) + wide <= 80


def test_a_ladder_is_shown_with_what_it_asks_for() -> None:
    rows = [
        [cell.strip() for cell in row.split("│")] for row in laurel("show", "generic_four_value").splitlines()
    ]

    asked = " ".join(row[2] for row in rows if len(row) > 3 and row[2])
    assert "from registration on Lifetime spend at least CN¥1,000.00 kept by: Spend of the quarter" in asked
    assert "staff" in asked


def test_lint_shows_what_is_wrong_and_fails(tmp_path: Path) -> None:
    told = laurel("lint", flawed(tmp_path), exits=1)

    assert "TIER_UNREACHABLE" in told
    assert "sports_four: 1 error, 0 warnings, 1 note" in told


def test_lint_is_for_programs_too(tmp_path: Path) -> None:
    found = json.loads(laurel("lint", flawed(tmp_path), "--json", exits=1))

    assert [(each["code"], each["severity"], each["path"]) for each in found] == [
        ("TIER_UNREACHABLE", "error", "tier_sets[0].tiers[2].entry"),
        ("ARREARS_OWED", "note", "points.arrears"),
    ]
    assert set(found[0]["text"]) == {"zh", "en"}


def test_lint_of_a_sound_program_succeeds() -> None:
    assert "0 errors, 0 warnings" in laurel("lint", "airline_three", "--language", "zh")


def test_a_document_that_is_none_is_refused_with_the_place(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("key: tea\n")

    told = laurel("lint", str(file), exits=1)

    assert "points: Field required" in told


def test_what_differs_is_told_by_what_it_means(tmp_path: Path) -> None:
    file = tmp_path / "harder.yaml"
    document = preset("music_store").document()
    document["tier_sets"][0]["tiers"][2]["entry"]["value"] = 30_000
    file.write_text(yaml.safe_dump(document))

    (change,) = json.loads(laurel("diff", "music_store", str(file), "--json"))

    assert (change["meaning"], change["before"]["en"], change["after"]["en"]) == (
        "harder",
        "Lifetime spend at least $250.00",
        "Lifetime spend at least $300.00",
    )
    assert "harder" in laurel("diff", "music_store", str(file))
    assert laurel("diff", "music_store", "music_store") == "Nothing differs.\n"


def test_a_modifier_makes_a_document_that_can_be_read_again(tmp_path: Path) -> None:
    file = tmp_path / "elastic.yaml"

    laurel("modify", "sports_four", "elastic_two_group", "-o", str(file))

    assert read_program(str(file)) == modifier("elastic_two_group").applied(preset("sports_four"), "main")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("modify", "sports_four", "elastic"), "There is no modifier 'elastic'"),
        (("modify", "sports_four", "elastic_two_group", "--tier-set", "fun"), "no tier set 'fun'"),
        (("show", "nothing_here"), "There is no preset and no file 'nothing_here'"),
        (("schema", "-o", "/nowhere/at/all.json"), "cannot be written"),
    ],
    ids=["a modifier that is none", "a tier set that is none", "a preset that is none", "a file nowhere"],
)
def test_what_cannot_be_done_says_why(arguments: tuple[str, ...], says: str) -> None:
    assert says in laurel(*arguments, exits=1)


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "without defaults"])
@pytest.mark.parametrize("name", preset_names())
def test_a_program_is_the_same_after_a_journey_through_yaml(
    name: str, tmp_path: Path, *, whole: bool
) -> None:
    file = tmp_path / "program.yaml"

    file.write_text(yaml_of(preset(name), whole=whole), encoding="utf-8")

    assert read_program(str(file)) == preset(name)


def test_the_schema_is_printed_as_it_is_published() -> None:
    assert laurel("schema") == schema_text()
