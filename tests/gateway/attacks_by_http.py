"""Attacks by the request itself: its body, its type, its path and its host."""

from collections.abc import Iterator

from tests.gateway.attack import Attack


def bodies() -> Iterator[Attack]:
    query = b'{"query":"{__typename}"}'
    bodies = {
        "nothing": b"",
        "no JSON": b"{",
        "a text": b'"{__typename}"',
        "a number": b"1",
        "null": b"null",
        "no query": b"{}",
        "an empty query": b'{"query":""}',
        "a query that is a number": b'{"query":1}',
        "variables that are a list": b'{"query":"{__typename}","variables":[]}',
        "variables that are a text": b'{"query":"{__typename}","variables":"{}"}',
        "a name that is a number": b'{"query":"{__typename}","operationName":1}',
        "half a pair": b'{"query":"{__typename}","operationName":"\\ud800"}',
        "bytes that are no UTF-8": b'{"query":"\xff\xfe"}',
        "a mark of byte order": b"\xef\xbb\xbf" + query,
        "UTF-16": query.decode().encode("utf-16"),
        "NUL": query + b"\x00",
        "1,500 nested lists": b"[" * 1_500 + b"]" * 1_500,
        "two values": query + query,
    }
    for name, body in bodies.items():
        yield Attack(f"a body that is {name}", "BAD_REQUEST", body)
    yield Attack("a batch", "BATCHING_UNSUPPORTED", b"[" + query + b"]")
    yield Attack("a batch of 1,000", "BATCHING_UNSUPPORTED", b"[" + b",".join([query] * 1_000) + b"]")
    yield Attack("a batch of nothing", "BATCHING_UNSUPPORTED", b"[]")
    yield Attack("100 KiB", "BODY_TOO_LARGE", b" " * 100 * 1024, status=413)


def forgery() -> Iterator[Attack]:
    query = b'{"query":"{__typename}"}'
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
        "",
    ):
        yield Attack(
            f"a body of type {kind or 'unsaid'}",
            "MEDIA_TYPE_UNSUPPORTED",
            query,
            status=415,
            headers={"content-type": kind},
            note="what a page of another origin can send without asking",
        )
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        yield Attack(f"{method} instead of POST", "METHOD_NOT_ALLOWED", b"", status=405, method=method)
    yield Attack(
        "a query by GET",
        "METHOD_NOT_ALLOWED",
        b"",
        status=405,
        method="GET",
        path="/graphql?query={__typename}",
    )
    yield Attack("another path", "NOT_FOUND", query, status=404, path="/graphql/")
    yield Attack("the path of the parent", "NOT_FOUND", query, status=404, path="/graphql/../admin")
    for authorization in ("", "Bearer", "Bearer x.y.z", "Basic YTpi", "Bearer " + "x" * 10_000):
        yield Attack(
            f"the token {authorization[:14]!r}",
            "UNAUTHENTICATED",
            query,
            status=401,
            who="nobody",
            headers={"authorization": authorization} if authorization else {},
        )


def hosts() -> Iterator[Attack]:
    query = b'{"query":"{__typename}"}'
    hosts = (
        "evil.example",
        "gateway.evil.example",
        "gateway/graphql",
        "gateway/?x=",
        "gateway@evil.example",
        "evil.example#gateway",
        "gateway:80:80",
        "gateway:port",
        "gateway evil",
        "testserver",
        "169.254.169.254",
        "[::1",
        "",
    )
    for host in hosts:
        yield Attack(
            f"the host {host!r}",
            "HOST_NOT_ALLOWED",
            query,
            headers={"host": host},
            who="nobody",
            note="CVE-2026-48710: refused before the token is looked at",
        )
