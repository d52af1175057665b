"""The verifiers that receivers copy: they let in what we sign, in time, and nothing else."""

import json
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from examples.webhook.verify import verify
from libs.common.clock import now
from services.benefits.domain.signatures import secret_text, signed_headers

EXAMPLE = Path(__file__).parents[2] / "examples" / "webhook"
PAGE = (EXAMPLE.parents[1] / "docs" / "webhooks.md").read_text()
SECRET, OLD, FOREIGN = b"s" * 32, b"o" * 32, b"f" * 32
BODY = '{"text":{"zh":"您好"}}'.encode()
GOOD: dict[str, dict[str, object]] = {
    "signed now": {},
    "signed by the old secret, too": {"secrets": (SECRET, OLD)},
    "signed by the new secret, too": {"secrets": (OLD, SECRET)},
    "four minutes old": {"age": timedelta(minutes=4)},
    "from a clock ahead": {"age": timedelta(minutes=-4)},
}
BAD: dict[str, dict[str, object]] = {
    "signed by somebody else": {"secrets": (FOREIGN,)},
    "six minutes old": {"age": timedelta(minutes=6)},
    "from far ahead": {"age": timedelta(minutes=-6)},
    "another body": {"body": BODY + b" "},
    "another id": {"webhook-id": "dlv_2"},
    "no signature": {"webhook-signature": ""},
    "another version": {"webhook-signature": "v2,AAAA"},
    "no time": {"webhook-timestamp": "now"},
}


def delivered(case: dict[str, object]) -> tuple[dict[str, str], bytes]:
    """Headers and body of a delivery, as a case changes them."""
    secrets, age = case.get("secrets", (SECRET,)), case.get("age", timedelta())
    assert isinstance(secrets, tuple)
    assert isinstance(age, timedelta)
    headers = signed_headers(secrets, delivery_id="dlv_1", now=now() - age, body=BODY)
    changed = {name: str(value) for name, value in case.items() if name in headers}
    body = case.get("body", BODY)
    assert isinstance(body, bytes)
    return headers | changed, body


@pytest.mark.parametrize("case", GOOD.values(), ids=GOOD)
def test_python_lets_in_what_we_sign(case: dict[str, object]) -> None:
    verify(secret_text(SECRET), *delivered(case))


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_python_lets_in_nothing_else(case: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"signed|sent|invalid literal"):
        verify(secret_text(SECRET), *delivered(case))


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node here")
def test_node_lets_in_the_same() -> None:
    deliveries = [delivered(case) for case in (*GOOD.values(), *BAD.values())]
    program = f"""
        import {{ verify }} from {json.dumps(str(EXAMPLE / "verify.mjs"))};
        const taken = JSON.parse(process.argv[1]).map(([headers, body]) => {{
          try {{ verify({json.dumps(secret_text(SECRET))}, headers, Buffer.from(body, "hex")); return true; }}
          catch {{ return false; }}
        }});
        console.log(JSON.stringify(taken));
    """
    told = subprocess.run(
        [
            "node",
            "--input-type=module",
            "-e",
            program,
            json.dumps([(headers, body.hex()) for headers, body in deliveries]),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert json.loads(told.stdout) == [True] * len(GOOD) + [False] * len(BAD)


@pytest.mark.parametrize("language", ["python", "js"])
def test_the_page_shows_the_verifiers_as_they_are(language: str) -> None:
    (shown,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    name = {"python": "verify.py", "js": "verify.mjs"}[language]
    kept = (EXAMPLE / name).read_text().replace("TOLERANCE_SECONDS", "300")

    assert [line for line in shown.splitlines() if line.strip() and line not in kept.splitlines()] == []
