"""GET /graphiql: the page to try the graph in, with everything it needs served from here."""

import gzip
import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

STATIC = Path(__file__).with_name("static")
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
_SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; "
        "img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class StaticFile:
    """A file of the page, compressed once and named by its contents."""

    def __init__(self, file: Path) -> None:
        compressed = file.suffix == ".gz"
        self.name = file.stem if compressed else file.name
        self._body = file.read_bytes() if compressed else gzip.compress(file.read_bytes(), mtime=0)
        self._headers = {
            "Content-Type": f"{_TYPES[Path(self.name).suffix]}; charset=utf-8",
            "Content-Encoding": "gzip",
            "Cache-Control": "no-cache",
            "ETag": f'"{hashlib.sha256(self._body).hexdigest()[:32]}"',
            **_SECURITY,
        }

    async def serve(self, request: Request) -> Response:
        """The file, or that it has not changed."""
        if request.headers.get("if-none-match") == self._headers["ETag"]:
            return Response(status_code=304, headers=self._headers)
        return Response(self._body, headers=self._headers)


def routes() -> list[Route]:
    """The page and its files; nothing else can be asked for."""
    files = [StaticFile(file) for file in sorted(STATIC.iterdir()) if _served(file)]
    page = next(file for file in files if file.name == "graphiql.html")
    return [
        Route("/graphiql", page.serve, methods=["GET"]),
        *(Route(f"/graphiql/{file.name}", file.serve, methods=["GET"]) for file in files if file is not page),
    ]


def _served(file: Path) -> bool:
    return Path(file.stem if file.suffix == ".gz" else file.name).suffix in _TYPES
