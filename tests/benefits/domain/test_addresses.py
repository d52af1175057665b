"""Webhooks go to public hosts by https, however an address is spelt, and nowhere else."""

import ipaddress

import pytest

from services.benefits.domain.addresses import Target, may_connect, target_of
from services.benefits.domain.errors import EndpointRefused

GOOD = {
    "https://hooks.example.com/laurel": Target("https", "hooks.example.com", 443, "/laurel"),
    "https://hooks.example.com": Target("https", "hooks.example.com", 443, "/"),
    "https://hooks.example.com?key=1&b=%2F": Target("https", "hooks.example.com", 443, "/?key=1&b=%2F"),
    "https://hooks.example.com:8443/a/b?c": Target("https", "hooks.example.com", 8443, "/a/b?c"),
    "https://hooks.example.com:443/": Target("https", "hooks.example.com", 443, "/"),
    "HTTPS://Hooks.Example.COM/Path": Target("https", "hooks.example.com", 443, "/Path"),
    "https://xn--fiq228c.example.com/": Target("https", "xn--fiq228c.example.com", 443, "/"),
    "https://a.b.c.example.co/@me": Target("https", "a.b.c.example.co", 443, "/@me"),
}

REFUSED = {
    "plain http": "http://hooks.example.com/",
    "another scheme": "ftp://hooks.example.com/",
    "a file": "file:///etc/passwd",
    "gopher": "gopher://hooks.example.com:6379/_FLUSHALL",
    "no scheme": "//hooks.example.com/",
    "no host": "https:///path",
    "one slash": "https:/hooks.example.com",
    "nothing": "",
    "this machine": "https://localhost/",
    "this machine by a name below": "https://hooks.localhost/",
    "this machine, IPv4": "https://127.0.0.1/",
    "this machine, another of its addresses": "https://127.8.8.8/",
    "this machine, IPv6": "https://[::1]/",
    "this machine, mapped": "https://[::ffff:127.0.0.1]/",
    "this machine, unspecified": "https://0.0.0.0/",
    "decimal": "https://2130706433/",
    "octal": "https://0177.0.0.1/",
    "hexadecimal": "https://0x7f000001/",
    "hexadecimal in parts": "https://0x7f.0x0.0x0.0x1/",
    "short": "https://127.1/",
    "short hexadecimal behind a name": "https://a.0x7f/",
    "private": "https://10.0.0.1/",
    "private, IPv6": "https://[fd00:ec2::254]/",
    "metadata": "https://169.254.169.254/latest/meta-data/",
    "metadata by its name": "https://metadata.google.internal/",
    "a public address without a name": "https://93.184.215.14/",
    "a machine of the network": "https://printer/",
    "a name of the network": "https://printer.local/",
    "a service of the cluster": "https://benefits.laurel.svc.cluster.local/",
    "a user": "https://hooks.example.com@127.0.0.1/",
    "a user and a password": "https://user:password@hooks.example.com/",
    "an empty user": "https://@hooks.example.com/",
    "a fragment": "https://hooks.example.com/#@127.0.0.1/",
    "a fragment in the host": "https://127.0.0.1#.example.com/",
    "a backslash": "https://127.0.0.1\\.example.com/",
    "a blank": "https://hooks.example.com /",
    "a tab in the scheme": "ht\ttps://hooks.example.com/",
    "a line end in the path": "https://hooks.example.com/\r\nHost: evil",
    "a NUL": "https://hooks.example.com/\0",
    "not ASCII": "https://例子.example.com/",
    "full-width digits": "https://127.0.0.１/",
    "circled letters": "https://ⓛocalhost/",
    "an escape in the host": "https://127%2e0%2e0%2e1/",
    "a root dot": "https://hooks.example.com./",
    "an empty label": "https://hooks..example.com/",
    "a port of mail": "https://hooks.example.com:25/",
    "a port of SSH": "https://hooks.example.com:22/",
    "plain http's port": "https://hooks.example.com:80/",
    "no port": "https://hooks.example.com:/",
    "a port that is none": "https://hooks.example.com:65536/",
    "port zero": "https://hooks.example.com:0/",
    "a port with a sign": "https://hooks.example.com:+443/",
    "an octal port": "https://hooks.example.com:0443/",
    "a zone": "https://[fe80::1%25eth0]/",
    "a label of a hundred letters": f"https://{'a' * 100}.example.com/",
    "too long a name": f"https://{'abcdefgh.' * 30}com/",
    "too long": "https://hooks.example.com/" + "a" * 2000,
}


@pytest.mark.parametrize("url", GOOD)
def test_a_public_host_by_https_is_taken(url: str) -> None:
    assert target_of(url, loopback=False) == GOOD[url]


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_what_is_no_public_host_by_https_is_refused_and_said_why(url: str) -> None:
    with pytest.raises(EndpointRefused) as refusal:
        target_of(url, loopback=False)

    assert refusal.value.facts["problem"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_this_machine_is_taken_in_development_only(scheme: str, host: str) -> None:
    url = f"{scheme}://{host}:8080/hook"

    assert target_of(url, loopback=True) == Target(scheme, host, 8080, "/hook")
    with pytest.raises(EndpointRefused):
        target_of(url, loopback=False)


@pytest.mark.parametrize("url", ["http://hooks.example.com/", "http://127.0.0.2/", "https://10.0.0.1/"])
def test_development_opens_this_machine_and_nothing_else(url: str) -> None:
    with pytest.raises(EndpointRefused):
        target_of(url, loopback=True)


PUBLIC = [
    "93.184.215.14",
    "1.1.1.1",
    "172.15.255.255",
    "172.32.0.0",
    "100.128.0.1",
    "2606:4700::1111",
    "2a00::1",
]
CLOSED = {
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "loopback": "127.0.0.1",
    "all of loopback": "127.255.255.254",
    "private, class A": "10.255.255.255",
    "private, class B": "172.16.0.1",
    "private, the end of class B": "172.31.255.255",
    "private, class C": "192.168.1.1",
    "link-local": "169.254.0.1",
    "metadata of AWS, Google and Azure": "169.254.169.254",
    "metadata of Alibaba": "100.100.100.200",
    "the wire server of Azure": "168.63.129.16",
    "metadata of Oracle": "192.0.0.192",
    "carriers": "100.64.0.1",
    "benchmarks": "198.19.255.255",
    "documentation": "192.0.2.1",
    "6to4's relays": "192.88.99.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6, unspecified": "::",
    "IPv6, loopback": "::1",
    "IPv6, mapped private": "::ffff:10.0.0.1",
    "IPv6, mapped public": "::ffff:1.1.1.1",
    "IPv6, compatible": "::127.0.0.1",
    "IPv6, translated": "::ffff:0:127.0.0.1",
    "NAT64": "64:ff9b::7f00:1",
    "NAT64 of one's own": "64:ff9b:1::a00:1",
    "6to4": "2002:7f00:1::1",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "ISATAP": "2606:4700::5efe:7f00:1",
    "ISATAP of a global address": "2606:4700::200:5efe:a00:1",
    "unique local": "fd00::1",
    "metadata of AWS, IPv6": "fd00:ec2::254",
    "IPv6, link-local": "fe80::1",
    "IPv6, site-local": "fec0::1",
    "IPv6, multicast": "ff02::1",
    "IPv6, documentation": "2001:db8::1",
    "IPv6, new documentation": "3fff::1",
    "IPv6, discard": "100::1",
    "IPv6, segment routing": "5f00::1",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_connected_to(address: str) -> None:
    assert may_connect(ipaddress.ip_address(address), loopback=False)


@pytest.mark.parametrize("address", CLOSED.values(), ids=CLOSED)
def test_an_address_that_is_not_public_is_not_connected_to(address: str) -> None:
    assert not may_connect(ipaddress.ip_address(address), loopback=False)


def test_development_connects_to_loopback_and_to_no_other_network_of_ours() -> None:
    opened = {each for each in CLOSED.values() if may_connect(ipaddress.ip_address(each), loopback=True)}

    assert opened == {"127.0.0.1", "127.255.255.254", "::1"}


def test_an_operator_closes_networks_of_their_own() -> None:
    denied = (ipaddress.ip_network("93.184.0.0/16"), ipaddress.ip_network("2606:4700::/32"))

    closed = [
        each for each in PUBLIC if not may_connect(ipaddress.ip_address(each), loopback=False, denied=denied)
    ]

    assert closed == ["93.184.215.14", "2606:4700::1111"]
