"""A receiver of webhooks: takes each delivery once, and prints what happened. Needs nothing but Python.

WEBHOOK_SECRET=whsec_… python receiver.py 9000
"""

import json
import os
import sys
from collections import OrderedDict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from verify import verify

BODY_BYTES_MAX = 64 * 1024
REMEMBERED_MAX = 100_000

taken: OrderedDict[str, None] = OrderedDict()  # a database, where more than one process receives
taking = Lock()


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what it has taken, now or before; anything else is sent again."""

    timeout = 10

    def do_POST(self) -> None:
        """Verify, take, answer. What takes long belongs behind a queue: the sender waits five seconds."""
        length = int(self.headers.get("content-length", "0"))
        if not 0 < length <= BODY_BYTES_MAX:
            return self.answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        body = self.rfile.read(length)
        try:
            verify(os.environ["WEBHOOK_SECRET"], self.headers, body)
        except (KeyError, ValueError) as error:
            self.log_error("refused: %r", error)
            return self.answer(HTTPStatus.UNAUTHORIZED)
        if is_new(self.headers["webhook-id"]):
            notice = json.loads(body)
            told = f"{notice['type']} {notice['data']['member_id']} {notice['data']['text']['en']}\n"
            print(told, end="", flush=True)  # in one piece: deliveries come side by side
        return self.answer(HTTPStatus.NO_CONTENT)

    def answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()


def is_new(delivery_id: str) -> bool:
    """Whether this delivery was not taken before; a retry has the id of the first attempt."""
    with taking:
        new = delivery_id not in taken
        taken[delivery_id] = None
        if len(taken) > REMEMBERED_MAX:
            taken.popitem(last=False)
    return new


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
