"""Signatures are those of Standard Webhooks, so that anybody's library verifies them."""

import base64
from datetime import UTC, datetime

from services.benefits.domain.signatures import secret_text, signature, signed_headers

SECRET = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
DELIVERY, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}'
SENT = datetime.fromtimestamp(1614265330, UTC)


def test_the_example_of_the_specification_has_its_signature() -> None:
    signed = signature(SECRET, delivery_id=DELIVERY, timestamp=1614265330, body=BODY)

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_is_told_as_its_receiver_wants_it() -> None:
    assert secret_text(SECRET) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_delivery_carries_its_id_its_time_and_a_signature_by_each_secret() -> None:
    headers = signed_headers([SECRET, b"old"], delivery_id=DELIVERY, now=SENT, body=BODY)

    old = signature(b"old", delivery_id=DELIVERY, timestamp=1614265330, body=BODY)
    assert headers == {
        "webhook-id": DELIVERY,
        "webhook-timestamp": "1614265330",
        "webhook-signature": f"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= {old}",
    }


def test_another_body_time_or_id_has_another_signature() -> None:
    signed = {
        signature(SECRET, delivery_id=delivery_id, timestamp=timestamp, body=body)
        for delivery_id, timestamp, body in (
            ("dlv_1", 1, b"1"),
            ("dlv_2", 1, b"1"),
            ("dlv_1", 2, b"1"),
            ("dlv_1", 1, b"2"),
        )
    }

    assert len(signed) == 4
