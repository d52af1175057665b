"""Signatures of webhooks as Standard Webhooks has them: HMAC-SHA256 over id, timestamp and body."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32


def secret_text(secret: bytes) -> str:
    """A secret as its receiver is told it."""
    return PREFIX + base64.b64encode(secret).decode()


def signature(secret: bytes, *, delivery_id: str, timestamp: int, body: bytes) -> str:
    """The signature of one delivery by one secret."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def signed_headers(
    secrets: Sequence[bytes], *, delivery_id: str, now: datetime, body: bytes
) -> dict[str, str]:
    """The headers that a delivery is sent with now: a signature by each secret, the newest first."""
    timestamp = int(now.timestamp())
    signatures = [
        signature(secret, delivery_id=delivery_id, timestamp=timestamp, body=body) for secret in secrets
    ]
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
