"""Attacks by the document: too deep, too wide, too dear, or no document of ours."""

from collections.abc import Iterator
from typing import Any

from tests.gateway.attack import MEMBER, Attack, document, each, member


def _nested(depth: int, leaf: str = "a") -> str:
    return "{a" * (depth - 1) + "{" + leaf + "}" * depth


def depth() -> Iterator[Attack]:
    for depth in (13, 50, 190):
        yield document(f"depth {depth}", "DEPTH_LIMIT", _nested(depth))
    yield document("depth 800", "DEPTH_LIMIT", _nested(800), note="the parser gives up")
    yield document("depth 5000", "DEPTH_LIMIT", _nested(5000))
    chain = " ".join(f"fragment F{n} on Query{{a{{...F{n + 1}}}}}" for n in range(13))
    yield document("depth through fragments", "DEPTH_LIMIT", f"{{...F0}} {chain} fragment F13 on Query{{a}}")
    yield document("a list of lists", "DEPTH_LIMIT", "{x(a:" + "[" * 250 + "]" * 250 + ")}")
    yield document("an object of objects", "DEPTH_LIMIT", "{x(a:" + "{a:" * 250 + "1" + "}" * 250 + ")}")
    yield document("a type of lists", "DEPTH_LIMIT", "query($a:" + "[" * 250 + "Int" + "]" * 250 + "){a}")
    yield document(
        "introspection of a type's type's type",
        "DEPTH_LIMIT",
        "{__schema{types{" + "ofType{" * 30 + "name" + "}" * 33,
    )


def aliases() -> Iterator[Attack]:
    for count in (16, 500):
        yield document(f"{count} aliases", "ALIAS_LIMIT", "{" + each(count, "a%d:__typename") + "}")
    yield document("1,000 aliases", "TOKEN_LIMIT", "{" + each(1_000, "a%d:__typename") + "}")
    yield document("5,000 aliases", "BODY_TOO_LARGE", "{" + each(5_000, "a%d:__typename") + "}", status=413)
    yield document(
        "aliases times spreads",
        "ALIAS_LIMIT",
        "{" + "...F " * 11 + "} fragment F on Query{" + each(9, "a%d:__typename") + "}",
        note="CVE-2026-47707: 9 aliases in a fragment that is spread 11 times",
    )
    fans = " ".join(f"fragment F{n} on Query{{...F{n + 1} ...F{n + 1}}}" for n in range(5))
    yield document(
        "aliases times spreads of spreads", "ALIAS_LIMIT", f"{{...F0}} {fans} fragment F5 on Query{{a:x}}"
    )
    yield document(
        "aliases in inline fragments",
        "ALIAS_LIMIT",
        "{" + each(16, "...{...on Query{a%d:__typename}}") + "}",
    )


def overlaps() -> Iterator[Attack]:
    yield document("480 times one field", "FIELD_LIMIT", member("memberId " * 480))
    yield document(
        "one field with 150 arguments", "FIELD_LIMIT", "{" + each(150, 'member(id:"%d"){id}') + "}"
    )
    yield document("1,000 conflicting fields", "TOKEN_LIMIT", "{" + each(1_000, 'member(id:"%d"){id}') + "}")
    yield document(
        "20 inline fragments of 20 fields",
        "FIELD_LIMIT",
        "{" + ("...on Query{" + "__typename " * 20 + "}") * 20 + "}",
    )
    yield document(
        "75 inline fragments of 20 fields",
        "FIELD_LIMIT",
        "{" + ("...on Query{" + "__typename " * 20 + "}") * 75 + "}",
    )
    fragments = each(60, "fragment F%d on Query{members{edges{node{id}}}}")
    yield document("60 fragments of the same", "FIELD_LIMIT", "{" + each(60, "...F%d") + "} " + fragments)
    yield document("501 fields", "FIELD_LIMIT", "{" + each(501, "f%d") + "}")
    fans = " ".join(f"fragment F{n} on Query{{...F{n + 1} ...F{n + 1}}}" for n in range(100))
    yield document(
        "spreads that double a hundred times",
        "FIELD_LIMIT",
        f"{{...F0}} {fans} fragment F100 on Query{{__typename}}",
    )
    yield document(
        "spreads that double and hold nothing", "FIELD_LIMIT", f"{{...F0}} {fans} fragment F100 on Query{{}}"
    )
    chain = " ".join(f"fragment F{n} on Query{{...F{n + 1}}}" for n in range(240))
    yield document("a chain of 240 fragments", "FIELD_LIMIT", f"{{...F0}} {chain}")
    yield document("a fragment of itself", "GRAPHQL_VALIDATION_FAILED", "{...F} fragment F on Query{...F}")
    yield document(
        "two fragments of each other",
        "GRAPHQL_VALIDATION_FAILED",
        "{...F} fragment F on Query{...G} fragment G on Query{__typename ...F}",
    )
    ring = each(28, "fragment F%d on Query{" + each(28, "...F%d").replace("%d", "%") + "}")
    yield document("28 fragments of all others", "FIELD_LIMIT", "{...F0} " + ring.replace("...F%", "...F1"))
    yield document(
        "270 unused fragments", "GRAPHQL_VALIDATION_FAILED", "{a} " + each(270, "fragment F%d on Query{a}")
    )


def directives() -> Iterator[Attack]:
    yield document("2,000 directives", "TOKEN_LIMIT", "{__typename " + "@a " * 2_000 + "}")
    yield document("900 unknown directives", "DIRECTIVE_LIMIT", "{__typename " + each(900, "@d%d") + "}")
    yield document("31 directives", "DIRECTIVE_LIMIT", "{" + "__typename @include(if:true) " * 31 + "}")
    yield document(
        "directives times spreads",
        "DIRECTIVE_LIMIT",
        "{" + "...F " * 11 + "} fragment F on Query{__typename " + "@include(if:true) " * 3 + "}",
    )
    yield document("31 directives of an operation", "DIRECTIVE_LIMIT", "query " + "@a " * 31 + "{__typename}")
    yield document(
        "31 directives of a variable", "DIRECTIVE_LIMIT", "query($a:Int " + "@a " * 31 + "){__typename}"
    )
    yield document(
        "10 unknown directives", "GRAPHQL_VALIDATION_FAILED", "{__typename " + each(10, "@d%d") + "}"
    )
    yield document("@defer", "GRAPHQL_VALIDATION_FAILED", "{...@defer{__typename}}")


def cost() -> Iterator[Attack]:
    entries = "edges{node{points{entries(first:%s){seq}}}}"
    yield document("pages of pages", "COST_LIMIT", "{members(first:50){" + entries % 50 + "}}")
    yield document(
        "pages of pages by variables",
        "COST_LIMIT",
        "query($n:Int!){members(first:$n){" + entries % "$n" + "}}",
        {"n": 50},
    )
    yield document(
        "pages of pages by default",
        "COST_LIMIT",
        "query($n:Int!=50){members(first:$n){" + entries % "$n" + "}}",
    )
    yield document(
        "pages of unsaid size", "COST_LIMIT", "{members(first:100){edges{node{points{entries{seq}}}}}}"
    )
    yield document(
        "pages of pages in fragments",
        "COST_LIMIT",
        "{members(first:100){...E}} fragment E on MemberConnection{edges{node{...M}}}"
        " fragment M on Member{...on Node{...on Member{points{entries(first:10){seq}}}}}",
    )
    yield document(
        "ten lists", "COST_LIMIT", "{" + each(10, "a%d:members(first:100){edges{node{risk{level}}}}") + "}"
    )
    yield document(
        "a page of everybody", "COST_LIMIT", "{members(first:2147483647){" + entries % 2147483647 + "}}"
    )
    dear = "query A{__typename} query B{members(first:100){" + entries % 100 + "}}"
    yield Attack(
        "the dear one of two operations",
        "COST_LIMIT",
        {"query": dear, "operationName": "B"},
        note="the operation that is executed counts, and no other",
    )


def operations() -> Iterator[Attack]:
    yield document("1,000 operations", "TOKEN_LIMIT", each(1_000, "query A%d{__typename}"))
    yield document("300 operations", "OPERATION_LIMIT", each(300, "query A%d{__typename}"))
    yield document(
        "80 operations of one fragment with 230 variables",
        "OPERATION_LIMIT",
        each(80, "query A%d($v:Int!){...F}") + " fragment F on Query{members(" + "first:$v " * 230 + "){x}}",
    )
    yield document("two operations and no name", "BAD_REQUEST", "query A{__typename} query B{__typename}")
    yield Attack("no such operation", "BAD_REQUEST", {"query": "query A{__typename}", "operationName": "B"})
    yield document("two anonymous operations", "GRAPHQL_VALIDATION_FAILED", "{__typename}{__typename}")
    yield document("a fragment alone", "GRAPHQL_VALIDATION_FAILED", "fragment F on Query{__typename}")
    yield document("a subscription", "GRAPHQL_VALIDATION_FAILED", "subscription{members{edges{cursor}}}")
    yield document("a schema", "GRAPHQL_VALIDATION_FAILED", each(200, "type T%d{a:Int}"))
    yield document("400 variables", "GRAPHQL_VALIDATION_FAILED", f"query({each(400, '$v%d:Int')}){{a}}")
    yield document("3,000 comments", "TOKEN_LIMIT", "#\n" * 3_000 + "{__typename}")
    yield document("a name of 30,000 letters", "GRAPHQL_VALIDATION_FAILED", "{" + "a" * 30_000 + "}")
    yield document("a NUL in the document", "GRAPHQL_PARSE_FAILED", "{__type\x00name}")
    yield document("a space without width in a name", "GRAPHQL_PARSE_FAILED", "{__type\u200bname}")
    yield document("half a pair in a text", "GRAPHQL_PARSE_FAILED", member("id").replace(MEMBER, "\\uD800"))
    yield document("an open brace", "GRAPHQL_PARSE_FAILED", "{")


def brute_force() -> Iterator[Attack]:
    report = 'reportMember(input:{requestId:"%d",memberId:"' + MEMBER + '",reason:FRAUD}){__typename}'
    yield document("a mutation twice", "MUTATION_REPEATED", "mutation{" + each(2, f"a%d:{report}") + "}")
    yield document("a mutation 15 times", "MUTATION_REPEATED", "mutation{" + each(15, f"a%d:{report}") + "}")
    yield document(
        "a mutation in two fragments",
        "MUTATION_REPEATED",
        "mutation{...A ...B}"
        f" fragment A on Mutation{{a:{report}}} fragment B on Mutation{{...on Mutation{{b:{report}}}}}",
    )


def introspection() -> Iterator[Attack]:
    closed: dict[str, Any] = {"code": "INTROSPECTION_CLOSED", "who": "partner", "deployed_only": True}
    yield document("the schema", query="{__schema{types{name}}}", **closed)
    yield document("a type", query='{__type(name:"Member"){fields{name}}}', **closed)
    yield document(
        "the schema, hidden", query="{...F} fragment F on Query{...{x:__schema{types{name}}}}", **closed
    )
    yield document(
        "a field that is nearly right",
        "GRAPHQL_VALIDATION_FAILED",
        member("memberI membership"),
        deployed_only=True,
        note="the answer suggests nothing",
    )
    yield document(
        "an argument and a type that are nearly right",
        "GRAPHQL_VALIDATION_FAILED",
        "query($a:Memb){member(idd:$a){id}}",
        deployed_only=True,
    )
    yield document(
        "an enum value that is nearly right",
        "BAD_USER_INPUT",
        "query($s:ReportStatus){reports(status:$s){pageInfo{hasNextPage}}}",
        {"s": "OPENN"},
        deployed_only=True,
    )
