"""Where webhooks may go: which URLs are taken, and which addresses are connected to."""

import ipaddress
import re
from dataclasses import dataclass

from services.benefits.domain.errors import EndpointRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HTTPS_PORT = 443
PORT_MIN, PORT_MAX = 1024, 65535
URL_LENGTH_MAX = 2000
NAME_LENGTH_MAX = 253
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})

# No blanks, quotes, backslashes or controls: what one reader of URLs passes over, another goes by.
_PLAIN = re.compile(r"[A-Za-z0-9!$%&'()*+,./:;=?@\[\]_~#-]+")
_PARTS = re.compile(r"(?P<scheme>[a-z]+)://(?P<authority>[^/?]*)(?P<target>[/?].*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>[^:\[\]]+|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?", re.IGNORECASE)
# The last label of a name begins with a letter, so 127.1, 0x7f.1, 2130706433 and 0177.0.0.1 are none.
_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
# Names that mean something on a machine or in a network of its own, and nothing in public.
_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".lan", ".arpa", ".onion", ".test", ".invalid")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart: whom to connect to, and what to ask for there."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says: the port where it is not the scheme's own."""
        return self.host if (self.scheme, self.port) == ("https", HTTPS_PORT) else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine by its spelling."""
        return self.host in LOOPBACK_HOSTS


def target_of(url: str, *, loopback: bool) -> Target:
    """The target of a URL that webhooks may go to, or EndpointRefused.

    Hosts are public names, as only those have certificates worth something.
    `loopback` lets this machine in, by http too: for development.
    """
    parts = _PARTS.fullmatch(url)
    if len(url) > URL_LENGTH_MAX or not _PLAIN.fullmatch(url) or parts is None:
        raise EndpointRefused(problem="not a URL such as https://hooks.example.com/laurel, in plain ASCII")
    if "#" in url:
        raise EndpointRefused(problem="a fragment (#) goes nowhere")
    if "@" in parts["authority"]:
        raise EndpointRefused(problem="no user or password in a URL: deliveries are signed")
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if authority is None:
        raise EndpointRefused(problem="no host, or no port behind the colon")
    return _allowed(parts, authority, loopback=loopback)


def _allowed(parts: re.Match[str], authority: re.Match[str], *, loopback: bool) -> Target:
    scheme, host = parts["scheme"].lower(), authority["host"].lower()
    here = loopback and host in LOOPBACK_HOSTS
    if scheme != "https" and not (here and scheme == "http"):
        raise EndpointRefused(problem="only https")
    if not here:
        _require_public_name(host)
    port = int(authority["port"] or HTTPS_PORT)
    if port != HTTPS_PORT and not PORT_MIN <= port <= PORT_MAX:
        raise EndpointRefused(problem=f"port {port}: take {HTTPS_PORT}, or one from {PORT_MIN} on")
    path = parts["target"] or "/"
    return Target(scheme, host, port, path if path.startswith("/") else f"/{path}")


def _require_public_name(host: str) -> None:
    if not _NAME.fullmatch(host) or len(host) > NAME_LENGTH_MAX:
        raise EndpointRefused(problem="the host is no full DNS name, such as hooks.example.com")
    if f".{host}".endswith(_PRIVATE_NAMES):
        raise EndpointRefused(problem="the host's name is not a public one")


# Special purposes (IANA's registries), and what clouds answer their machines at.
_DENIED_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "168.63.129.16/32",
        ),
    )
)
# Of IPv6 only global unicast, so neither mapped (::ffff:0:0/96) nor NAT64 (64:ff9b::/96) addresses, and of
# that not what carries IPv4 inside: Teredo and its neighbours, 6to4; nor documentation.
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_DENIED_V6 = tuple(
    map(
        ipaddress.IPv6Network,
        ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20"),
    )
)
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


def may_connect(address: Address, *, loopback: bool, denied: tuple[Network, ...] = ()) -> bool:
    """Whether webhooks are sent to an address: a public one, and in no network of the operator's own."""
    if any(address in network for network in denied if network.version == address.version):
        return False
    if isinstance(address, ipaddress.IPv4Address):
        public = not any(address in network for network in _DENIED_V4)
    else:
        public = (
            address in _GLOBAL_V6
            and not any(address in network for network in _DENIED_V6)
            and (int(address) >> 32) & 0xFFFFFFFF not in _ISATAP
        )
    return public or (loopback and address.is_loopback)
