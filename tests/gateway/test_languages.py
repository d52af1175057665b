"""Texts in the language of the argument, else of the request's Accept-Language."""

import pytest

from services.gateway.languages import preferred
from tests.gateway.conftest import Graph
from tests.gateway.sockets import a_socket
from tests.gateway.world import member_id

QUERY = """query Texts($id: ID!) { member(id: $id) { memberships { decision { reasons {
  text zh: text(locale: ZH) en: text(locale: EN) } } } } }"""


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-Hant-TW", "zh"),
        ("ZH-cn", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.5, zh;q=0.9", "zh"),
        ("zh;q=0.4, en;q=0.5", "en"),
        ("en;q=0.5,zh;q=0.5", "en"),
        ("zh;q=0.5,en;q=0.5", "zh"),
        ("zh;q=0", "en"),
        ("zh;q=0, fr", "en"),
        ("fr, zh;q=0.1", "zh"),
        ("*", "en"),
        ("fr,de;q=0.9", "en"),
        ("zh;q=x", "en"),
        ("zh;q=nan,en;q=0.1", "en"),
        ("zh;q=5,en;q=0.1", "en"),
        ("zh;level=1", "zh"),
        ("zhx", "en"),
        (";;,,;q=1,=", "en"),
        ("fr," * 100 + "zh", "en"),
    ],
)
def test_the_language_of_the_highest_quality_is_told(header: str, language: str) -> None:
    assert preferred(header) == language


async def test_a_text_without_a_locale_follows_the_request_and_one_with_it_does_not(graph: Graph) -> None:
    body = {"query": QUERY, "variables": {"id": member_id(1)}}

    for header, language in (("zh-CN,en;q=0.5", "zh"), ("en", "en"), ("fr", "en")):
        response = await graph.post(body, **{"accept-language": header})
        (membership,) = response.json()["data"]["member"]["memberships"]
        (reason,) = membership["decision"]["reasons"]
        assert reason["text"] == reason[language]
        assert reason["zh"] != reason["en"]
        assert "Accept-Language" in response.headers["vary"]


async def test_a_websocket_speaks_the_language_that_its_upgrade_asks_for(graph: Graph) -> None:
    subscription = """subscription ($id: ID!) { memberChanged(memberId: $id) { member {
      memberships { decision { reasons { text zh: text(locale: ZH) } } } } } }"""

    async with a_socket(graph, (b"accept-language", b"zh")) as socket:
        await socket.event()
        await socket.acknowledged(graph.token())
        socket.subscribe(query=subscription)
        (membership,) = (await socket.change())["member"]["memberships"]

    (reason,) = membership["decision"]["reasons"]
    assert reason["text"] == reason["zh"]
