"""A host that publishes a document by https, in the ways that a test wants."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme


@dataclass
class KeyHost:
    """What it answers, how often it was asked, and who signed its certificate."""

    ca_file: Path
    url: str = ""
    body: bytes = b""
    status: int = 200
    location: str = ""
    seconds: float = 0
    asked: list[str] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)


@contextmanager
def a_key_host(folder: Path) -> Iterator[KeyHost]:
    """The host, on a port of its own."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "host-ca.pem")
    host = KeyHost(folder / "host-ca.pem")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.asked.append(self.path)
            host.let_go.wait(host.seconds)
            self.send_response(host.status)
            if host.location:
                self.send_header("location", host.location)
            self.send_header("content-length", str(len(host.body)))
            self.end_headers()
            self.wfile.write(host.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    host.url = f"https://127.0.0.1:{server.server_port}/keys"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        host.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()
