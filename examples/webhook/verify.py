"""Verifies that a webhook comes from Laurel, unchanged and in time: copy this into your receiver."""

import base64
import hmac
import time
from collections.abc import Mapping

TOLERANCE_SECONDS = 300


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Raise ValueError unless the bytes of the body were signed by this secret within five minutes."""
    delivery_id, sent = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(sent)) > TOLERANCE_SECONDS:
        raise ValueError("sent too long ago, or clocks differ")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{delivery_id}.{sent}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
    signatures = headers["webhook-signature"].encode().split(b" ")
    if not any(hmac.compare_digest(each, expected) for each in signatures):
        raise ValueError("not signed by our secret")
