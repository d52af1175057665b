"""Documents of models: what is read is what was written, and what is no model is refused by name."""

import json
import math
from typing import Any

import numpy as np
import pytest
import rfc8785

from libs.models.documents import BYTES_MAX, FEATURES_MAX, ModelDocument, ModelInvalidError, parse
from libs.models.features import FEATURES
from tests.models import fitted

EVERY = pytest.mark.parametrize("document", fitted.ALL.values(), ids=fitted.ALL)


@EVERY
def test_what_is_written_is_read_again_and_is_canonical(document: ModelDocument) -> None:
    written = document.canonical()

    assert parse(written) == document
    assert parse(written).digest() == document.digest()
    assert rfc8785.dumps(json.loads(written)) == written


def test_numbers_are_written_as_rfc_8785_has_them() -> None:
    drawn = np.random.default_rng(1)
    numbers = (drawn.choice([-1, 1], 3000) * 10 ** drawn.uniform(-9, 15, 3000)).tolist()
    numbers += [0.0, -0.0, 1.0, 1e15, -1e15, 5e-324, 1e-6, 1e-7, 123456789.0, 0.1]
    for start in range(0, len(numbers), 10):
        metrics = {f"m{place}": value for place, value in enumerate(numbers[start : start + 10])}
        document = fitted.value_segment().model_copy(update={"metrics": metrics})
        assert rfc8785.dumps(json.loads(document.canonical())) == document.canonical()
        assert parse(document.canonical()).metrics == metrics


def changed(document: ModelDocument, path: tuple[str | int, ...], value: Any) -> bytes:
    """The document with something else in one place."""
    content: Any = json.loads(document.canonical())
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(content).encode()


MANY_FACTS = [
    {"name": name, "missing": 0}
    for name in FEATURES
    if name.endswith((".count.7d", ".count.30d", ".count.90d", ".count.365d", ".count.lifetime", ".interval"))
]


@pytest.mark.parametrize(
    ("document", "path", "value", "field", "text"),
    [
        ("logistic", ("slope",), math.nan, "slope", ""),
        ("logistic", ("slope",), math.inf, "slope", ""),
        ("logistic", ("slope",), 1e300, "slope", "less than or equal"),
        ("logistic", ("slope",), "1", "slope", "number"),
        ("logistic", ("unknown",), 1, "unknown", "no such field"),
        ("logistic", ("kind",), "magic", "document", ""),
        ("logistic", ("features",), "features/v2", "features", ""),
        ("logistic", ("kept", 0, "name"), "purchase.magic", "kept[0].name", "no such feature"),
        ("logistic", ("kept", 1, "name"), "purchase.lapse", "document", "share a key"),
        ("logistic", ("kept",), [], "document", "4 numbers, and there are 1 inputs"),
        ("logistic", ("kept",), MANY_FACTS, "document", ""),
        ("logistic", ("scorer", "weights"), [1], "document", "weights has 1 numbers"),
        ("logistic", ("scorer", "scales", 0), 0, "scorer.scales[0]", "greater"),
        ("logistic", ("scorer", "method"), "pickle", "scorer", ""),
        ("logistic", ("bands", 0, "from_bp"), 2000, "document", "likeliest down"),
        ("logistic", ("bands", 2, "from_bp"), 1, "document", "likeliest down"),
        ("logistic", ("data_digest",), "abc", "data_digest", ""),
        ("logistic", ("as_of",), "1997-13-01", "as_of", ""),
        ("logistic", ("horizon_days",), 0, "horizon_days", ""),
        ("logistic", ("frequency", "a"), 0, "frequency.a", ""),
        ("trees", ("scorer", "trees", 0, "below", 0), 0, "scorer.trees[0]", "stand after it"),
        ("trees", ("scorer", "trees", 0, "above", 2), 2, "scorer.trees[0]", "stand after it"),
        ("trees", ("scorer", "trees", 0, "above", 0), 7, "scorer.trees[0]", "stand after it"),
        ("trees", ("scorer", "trees", 0, "value"), [1], "scorer.trees[0]", "as many"),
        ("trees", ("scorer", "trees", 0, "feature", 0), 4, "document", "input 4"),
        ("trees", ("scorer", "trees"), [], "scorer.trees", ""),
        ("value", ("currency",), "EURO", "currency", "ISO 4217"),
        ("value", ("spend",), None, "document", "problem"),
        ("value", ("spend", "q"), 1, "spend.q", "greater"),
        ("segments", ("segments", 1, "key"), "lost", "document", "share a key"),
        ("segments", ("segments", 0, "centre"), [1, 2], "segments[0].centre", ""),
        ("segments", ("means", 0), 1e16, "means[0]", ""),
    ],
)
def test_what_is_no_model_is_refused_by_the_field(
    document: str, path: tuple[str | int, ...], value: object, field: str, text: str
) -> None:
    with pytest.raises(ModelInvalidError) as refused:
        parse(changed(fitted.ALL[document], path, value))

    fields = refused.value.fields
    assert any(name.startswith(field) and text in why for name, why in fields.items()), fields


def test_more_than_fifty_facts_are_refused() -> None:
    inputs = len(MANY_FACTS) + 1
    assert len(MANY_FACTS) <= FEATURES_MAX
    content = json.loads(fitted.churn().canonical())
    content["kept"] = MANY_FACTS
    content["scorer"] |= {"means": [0] * inputs, "scales": [1] * inputs, "weights": [0] * inputs}

    with pytest.raises(ModelInvalidError, match="facts are read, 50 at most"):
        parse(json.dumps(content).encode())


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"{", b"\xff\xfe", b"{}", b"1e999", b'{"kind": []}']
)
def test_what_is_no_document_is_refused(content: bytes) -> None:
    with pytest.raises(ModelInvalidError):
        parse(content)


def test_what_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(ModelInvalidError, match="1,048,576 at most"):
        parse(b" " * (BYTES_MAX + 1))


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ModelInvalidError):
        parse(b'{"kind":"churn","drawn":' + b"[" * 400_000)
