"""Spellings of addresses that no link may reach, and the blocks of those addresses, each with its source.

Sources in short:
    PATT        PayloadsAllTheThings, "Server Side Request Forgery" and "SSRF-Cloud-Instances",
                https://github.com/swisskyrepo/PayloadsAllTheThings
    OWASP       OWASP Server-Side Request Forgery Prevention Cheat Sheet
    Tsai        Orange Tsai, "A New Era of SSRF", Black Hat USA 2017
    Rotten      Kaoudis and Sick Codes, "Rotten code, aging standards, and pwning IPv4 parsing", DEF CON 29
    inet_aton   inet_aton(3), the loose syntax: RFC 6943, 3.1.1
    WHATWG      URL Living Standard, 3.5 (host parsing), https://url.spec.whatwg.org/#host-parsing
    UTS 46      Unicode IDNA Compatibility Processing: digits, letters and full stops that stand for ASCII's
    IANA 4, 6   https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry
"""

from __future__ import annotations

from typing import Literal, NamedTuple

# Which setting opens a spelling to operators who want to reach the address:
#   plain   is an address, or a name that the name server leads there: reached when its network is opened
#   mapped  has letters or digits that IDNA 2003 reads as ASCII, and IDNA 2008 does not: never reached
#   loose   only inet_aton reads it as an address: never reached
#   carried IPv4 in IPv6: never reached
#   odd     is not a link, or is one to somewhere else than it seems: never reached while nothing is opened
Kind = Literal["plain", "mapped", "loose", "carried", "odd"]


class Spelling(NamedTuple):
    """A link. ``means``: the address that some software reads in it."""

    link: str
    means: str
    kind: Kind
    source: str


def _hosts(kind: Kind, source: str, means: str, *hosts: str) -> list[Spelling]:
    return [Spelling(f"http://{host}/", means, kind, source) for host in hosts]


SPELLINGS: tuple[Spelling, ...] = (
    # Plain
    *_hosts("plain", "OWASP; PATT", "127.0.0.1", "127.0.0.1", "127.0.0.1:443", "127.0.0.1:8080"),
    *_hosts("plain", "RFC 1122, 3.2.1.3 (a /8); PATT", "127.127.127.127", "127.127.127.127"),
    *_hosts("plain", "PATT", "127.0.1.3", "127.0.1.3"),
    *_hosts("plain", "PATT", "127.0.0.0", "127.0.0.0"),
    *_hosts("plain", "IANA 4", "127.255.255.255", "127.255.255.255"),
    *_hosts("plain", "RFC 1122, 3.2.1.3; PATT", "0.0.0.0", "0.0.0.0"),
    *_hosts("plain", "RFC 791: the rest of 0/8 is this network, too", "0.1.2.3", "0.1.2.3"),
    *_hosts("plain", "RFC 1918", "10.0.0.1", "10.0.0.1"),
    *_hosts("plain", "RFC 1918", "172.16.0.1", "172.16.0.1"),
    *_hosts("plain", "RFC 1918", "172.31.255.254", "172.31.255.254"),
    *_hosts("plain", "RFC 1918", "192.168.1.1", "192.168.1.1"),
    *_hosts("plain", "RFC 3927; PATT (AWS, GCP, Azure, DigitalOcean, Hetzner)", "169.254.169.254", "169.254.169.254"),
    *_hosts("plain", "PATT (AWS ECS)", "169.254.170.2", "169.254.170.2"),
    *_hosts("plain", "RFC 6598; PATT (Alibaba)", "100.100.100.200", "100.100.100.200"),
    *_hosts("plain", "RFC 6890; PATT (Oracle)", "192.0.0.192", "192.0.0.192"),
    *_hosts("plain", "Microsoft, What is IP address 168.63.129.16?", "168.63.129.16", "168.63.129.16"),
    *_hosts("plain", "RFC 5771; CVE-2025-8020 (private-ip and multicast)", "224.0.0.1", "224.0.0.1"),
    *_hosts("plain", "RFC 8190", "255.255.255.255", "255.255.255.255"),
    *_hosts("plain", "RFC 4291, 2.5.3; OWASP", "::1", "[::1]", "[::1]:8080", "[0000::1]"),
    *_hosts("plain", "RFC 5952, 2: one address, many texts", "::1", "[0:0:0:0:0:0:0:1]", "[::0.0.0.1]"),
    *_hosts("plain", "CVE-2024-29415 (node-ip)", "::1", "[000:0:0000::01]", "[000:0:0000:0:000:0:00:001]"),
    *_hosts("plain", "PATT", "::", "[::]", "[0:0:0:0:0:0:0:0]"),
    *_hosts("plain", "PATT (AWS over IPv6)", "fd00:ec2::254", "[fd00:ec2::254]", "[FD00:0EC2::0254]"),
    *_hosts("plain", "Google Cloud, metadata server over IPv6", "fd20:ce::254", "[fd20:ce::254]"),
    *_hosts("plain", "RFC 4291, 2.5.6", "fe80::1", "[fe80::1]"),
    *_hosts("plain", "OpenStack, metadata over IPv6", "fe80::a9fe:a9fe", "[fe80::a9fe:a9fe]"),
    *_hosts("plain", "RFC 3879", "fec0::1", "[fec0::1]"),
    *_hosts("plain", "RFC 4193", "fc00::1", "[fc00::1]"),
    *_hosts("plain", "RFC 4291, 2.7", "ff02::1", "[ff02::1]"),
    *_hosts("plain", "RFC 4291, 2.4: no global unicast", "4000::1", "[4000::1]"),
    *_hosts("plain", "RFC 4291, 2.4: nor is what lies next to NAT64", "64:ff9a::1", "[64:ff9a::1]"),
    # Letters, digits and full stops that stand for others
    *_hosts("mapped", "UTS 46; PATT (enclosed alphanumerics)", "127.0.0.1", "①②⑦.⓪.⓪.①", "⑫⑦.⓪.⓪.①"),
    *_hosts("mapped", "UTS 46 (full-width digits)", "127.0.0.1", "１２７.０.０.１"),
    *_hosts("mapped", "RFC 3490, 3.1 (full stops)", "127.0.0.1", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1"),
    *_hosts("mapped", "UTS 46 (superscripts and subscripts)", "127.0.0.1", "¹²⁷.₀.₀.¹"),
    *_hosts("mapped", "UTS 46 (mathematical digits)", "127.0.0.1", "𝟏𝟐𝟕.𝟎.𝟎.𝟏", "𝟷𝟸𝟽.𝟶.𝟶.𝟷"),
    *_hosts(
        "mapped", "UTS 46 (ignored: soft hyphen, zero width joiners)", "127.0.0.1", "127.0.\xad0.1", "127.\u200b0.0.1"
    ),
    *_hosts("mapped", "UTS 46; PATT", "169.254.169.254", "①⑥⑨。②⑤④。①⑥⑨。②⑤④"),
    # Names that the operator's hosts file or a name server leads there
    *_hosts("plain", "RFC 6761, 6.3; OWASP", "127.0.0.1", "localhost", "LOCALHOST", "LocalHost", "localhost:8080"),
    *_hosts("plain", "RFC 6761, 6.3", "127.0.0.1", "foo.localhost", "a.b.localhost", "localhost.", "foo.localhost."),
    *_hosts(
        "mapped",
        "UTS 46; PATT",
        "127.0.0.1",
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        "ｌｏｃａｌｈｏｓｔ",
        "loc\xadalhost",
        "ℓocalhost",
        "localho\u017ft",
    ),
    *_hosts("plain", "/etc/hosts of Debian", "::1", "ip6-localhost", "IP6-LOCALHOST."),
    *_hosts("plain", "/etc/hosts of Red Hat", "127.0.0.1", "localhost.localdomain"),
    *_hosts(
        "plain", "PATT (public names)", "127.0.0.1", "localtest.me", "127.0.0.1.nip.io", "spoofed.burpcollaborator.net"
    ),
    *_hosts("plain", "PATT (public names)", "127.0.0.2", "bugbounty.dod.network"),
    *_hosts("plain", "PATT (public names)", "127.0.0.1", "customer1.app.localhost.my.company.127.0.0.1.nip.io"),
    *_hosts("plain", "PATT (rebinding, 1u.ms)", "169.254.169.254", "make-1.2.3.4-rebind-169.254-169.254-rr.1u.ms"),
    *_hosts("plain", "PATT (AWS)", "169.254.169.254", "instance-data", "169.254.169.254.nip.io"),
    *_hosts(
        "plain", "PATT (Google)", "169.254.169.254", "metadata", "metadata.google.internal", "metadata.google.internal."
    ),
    *_hosts("plain", "PATT (Rancher)", "169.254.169.250", "rancher-metadata"),
    *_hosts("plain", "Kubernetes, DNS for Services", "10.96.0.1", "kubernetes.default.svc.cluster.local"),
    *_hosts("plain", "Docker, host.docker.internal", "172.17.0.1", "host.docker.internal"),
    # What inet_aton reads as an address, and the gate never does
    *_hosts("loose", "PATT (decimal)", "127.0.0.1", "2130706433", "2130706433:80", "2130706433."),
    *_hosts("loose", "PATT (decimal)", "192.168.0.1", "3232235521"),
    *_hosts("loose", "PATT (decimal)", "192.168.1.1", "3232235777"),
    *_hosts("loose", "PATT (decimal)", "169.254.169.254", "2852039166"),
    *_hosts("loose", "PATT (octal)", "127.0.0.1", "0177.0.0.1", "0177.0000.0000.0001", "0000177.0.0.1"),
    *_hosts("loose", "node-ip, issue 162", "127.0.0.1", "017700000001"),
    *_hosts("loose", "CVE-2024-29415 (node-ip)", "10.1.2.3", "012.1.2.3"),
    *_hosts("loose", "CVE-2024-29415 (node-ip)", "10.0.57.119", "01200034567"),
    *_hosts("loose", "CVE-2021-29921 (Python), CVE-2021-28918 (netmask); Rotten", "8.0.0.1", "010.0.0.1"),
    *_hosts("loose", "CVE-2020-28360 (private-ip); Rotten", "127.0.0.1", "0000000000000000000000000177.0.0.1"),
    *_hosts(
        "loose",
        "PATT (octal)",
        "169.254.169.254",
        "0251.0376.0251.0376",
        "0251.00376.000251.0000376",
        "0251.254.169.254",
    ),
    *_hosts("loose", "PATT (hexadecimal)", "127.0.0.1", "0x7f000001", "0x7F000001", "0x7f.0x0.0x0.0x1", "0x7f.0.0.1"),
    *_hosts("loose", "CVE-2023-42282 (node-ip)", "127.0.0.1", "0x7F.1", "0x7f.0x1"),
    *_hosts("loose", "PATT (hexadecimal)", "169.254.169.254", "0xA9.0xFE.0xA9.0xFE", "0xA9FEA9FE"),
    *_hosts("loose", "PATT (hexadecimal)", "192.168.0.20", "0xc0a80014"),
    *_hosts("loose", "CVE-2024-24806 (libuv)", "127.0.0.1", "0x000000000000000000000000007f000001"),
    *_hosts("loose", "inet_aton; PATT (rare)", "127.0.0.1", "127.1", "127.0.1", "127.1:8080"),
    *_hosts("loose", "CVE-2024-29415 (node-ip)", "127.0.0.1", "127.00.0x1", "127.0.0x0.1"),
    *_hosts("loose", "inet_aton; PATT (rare); Tsai", "0.0.0.0", "0", "0x0", "00", "0.0"),
    *_hosts("loose", "inet_aton", "169.254.169.254", "169.254.43518", "169.16689662", "0xa9.0376.43518"),
    *_hosts("loose", "inet_aton", "10.0.0.1", "10.1", "012.1", "0xa.1", "167772161"),
    *_hosts("loose", "inet_aton", "192.168.1.1", "192.168.257", "0300.0250.1.1", "0xc0.0xa8.0x01.0x01"),
    *_hosts("loose", "UTS 46 with inet_aton", "127.0.0.1", "①②⑦.①", "０x7f.1", "②①③⓪⑦⓪⑥④③③"),
    *_hosts("loose", "WHATWG (a trailing dot)", "127.0.0.1", "0x7f.1.", "127.1."),
    # IPv4 carried in IPv6
    *_hosts(
        "carried", "RFC 4291, 2.5.5.2; PATT", "127.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::FFFF:127.0.0.1]"
    ),
    *_hosts("carried", "CVE-2024-29415 (node-ip)", "127.0.0.1", "[::fFFf:127.0.0.1]"),
    *_hosts("carried", "PATT", "127.0.0.1", "[0:0:0:0:0:ffff:127.0.0.1]", "[0:0:0:0:0:ffff:7f00:0001]"),
    *_hosts("carried", "PATT (AWS)", "169.254.169.254", "[::ffff:a9fe:a9fe]", "[::ffff:169.254.169.254]"),
    *_hosts("carried", "PATT (AWS)", "169.254.169.254", "[0:0:0:0:0:ffff:a9fe:a9fe]"),
    *_hosts("carried", "RFC 4291, 2.5.5.2", "10.0.0.1", "[::ffff:10.0.0.1]"),
    *_hosts("carried", "RFC 4291, 2.5.5.1", "127.0.0.1", "[::127.0.0.1]", "[::7f00:1]"),
    *_hosts("carried", "RFC 4291, 2.5.5.1", "169.254.169.254", "[::a9fe:a9fe]"),
    *_hosts("carried", "RFC 2765, 2.1 (SIIT)", "127.0.0.1", "[::ffff:0:127.0.0.1]", "[::ffff:0:7f00:1]"),
    *_hosts("carried", "RFC 2765, 2.1 (SIIT)", "169.254.169.254", "[0:0:0:0:ffff:0:a9fe:a9fe]"),
    *_hosts("carried", "RFC 6052, 2.1 (NAT64)", "127.0.0.1", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]"),
    *_hosts("carried", "RFC 6052, 2.1 (NAT64)", "169.254.169.254", "[64:ff9b::a9fe:a9fe]"),
    *_hosts("carried", "RFC 6052, 2.1 (NAT64) with Azure's address", "168.63.129.16", "[64:ff9b::168.63.129.16]"),
    *_hosts("carried", "RFC 8215 (NAT64 within one network)", "127.0.0.1", "[64:ff9b:1::127.0.0.1]"),
    *_hosts("carried", "RFC 3056, 2 (6to4)", "127.0.0.1", "[2002:7f00:1::]", "[2002:7f00:0001::1]"),
    *_hosts("carried", "RFC 3056, 2 (6to4)", "169.254.169.254", "[2002:a9fe:a9fe::]"),
    *_hosts(
        "carried", "RFC 4380, 4 (Teredo: the client, inverted)", "127.0.0.1", "[2001:0:4136:e378:8000:63bf:80ff:fffe]"
    ),
    *_hosts("carried", "RFC 4380, 4 (Teredo: the server)", "10.0.0.1", "[2001:0:a00:1::]"),
    *_hosts(
        "carried", "RFC 5214, 6.1 (ISATAP)", "127.0.0.1", "[2600:1f18::5efe:7f00:1]", "[2600:1f18::200:5efe:127.0.0.1]"
    ),
    *_hosts("carried", "UTS 46 in brackets", "127.0.0.1", "[::ffff:127.0.0.①]"),
    # Not links, or links that lead elsewhere than they seem to
    *_hosts("odd", "PATT (o for octal)", "127.0.0.1", "o177.0.0.1", "0o177.0.0.1", "q177.0.0.1"),
    *_hosts("odd", "PATT (overflow)", "169.254.169.254", "425.510.425.510", "7147006462", "0x41414141A9FEA9FE"),
    *_hosts(
        "odd", "WHATWG (ends in a number)", "127.0.0.1", "127.0.0.1.1", "foo.127.0.0.1", "256.256.256.256", "1.2.3.08"
    ),
    *_hosts("odd", "Tsai; RFC 3986, 3.2.2 (percent-encoding)", "127.0.0.1", "%31%32%37.0.0.1", "127%2e0%2e0%2e1"),
    *_hosts(
        "odd",
        "Tsai",
        "127.0.0.1",
        "127.0.0.1%09foo.google.com",
        "127.0.0.1%2509foo.google.com",
        "127.0.0.1%00.x.example",
    ),
    *_hosts(
        "odd", "Tsai", "127.0.0.1", "127.0.0.1\tfoo.google.com", "127.0.0.1\r\nSLAVEOF public.example 6379\r\n:6379"
    ),
    *_hosts("odd", "CVE-2022-0391 (urlsplit and line breaks)", "127.0.0.1", "127.0.\n0.1", "local\thost"),
    *_hosts("odd", "RFC 6874 (zone ids)", "fe80::1", "[fe80::1%25lo]", "[fe80::1%lo]", "[fe80::1%251]", "[::1%25lo]"),
    *_hosts(
        "odd",
        "CVE-2024-11168 (urlsplit and brackets)",
        "127.0.0.1",
        "[127.0.0.1]",
        "[localhost]",
        "[::1].x.example",
        "[v1.::1]",
    ),
    *_hosts("odd", "PATT (no brackets)", "::1", "0000::1:80", "::1"),
    *_hosts("odd", "RFC 1035: an empty label", "127.0.0.1", "127.0.0.1..", ".127.0.0.1", "127..0.0.1", ".localhost"),
    *_hosts("odd", "PATT (Unicode digits)", "127.0.0.1", "๑๒๗.๐.๐.๑", "١٢٧.٠.٠.١"),
    *_hosts("odd", "OWASP; RFC 3986, 3.2.1", "127.0.0.1", "public.example@127.0.0.1", "public.example:80@127.0.0.1"),
    *_hosts("odd", "Tsai", "127.0.0.1", "foo@public.example:80@127.0.0.1", "foo@127.0.0.1:80@public.example"),
    *_hosts("odd", "Tsai", "127.0.0.1", "foo@127.0.0.1 @public.example", "public.example &@127.0.0.1# @public.example"),
    *_hosts("odd", "Tsai", "127.0.0.1", "127.0.0.1:80:80", "127.0.0.1:11211:80", "127.0.0.1:80\\@@public.example:80"),
    *_hosts("odd", "PATT (malformed)", "127.0.0.1", "localhost:+11211aaa", "localhost:00011211aaaa", "127.0.0.1:"),
    *_hosts(
        "odd",
        "PATT (weak parser)",
        "127.0.0.1",
        "public.example:80\\@127.0.0.1:80",
        "public.example:80:\\@@127.0.0.1:80",
    ),
    *_hosts("odd", "CVE-2022-2900 (parse-url)", "127.0.0.1", "\\\\127.0.0.1", "\\/\\/127.0.0.1"),
    Spelling("http:127.0.0.1/", "127.0.0.1", "odd", "WHATWG (slashes are optional)"),
    Spelling("http:/127.0.0.1/", "127.0.0.1", "odd", "WHATWG (slashes are optional)"),
    Spelling("http:///127.0.0.1/", "127.0.0.1", "odd", "WHATWG (slashes are optional)"),
    Spelling("//127.0.0.1/", "127.0.0.1", "odd", "RFC 3986, 4.2"),
    Spelling(" http://127.0.0.1/", "127.0.0.1", "odd", "CVE-2023-24329 (urlsplit and leading blanks)"),
    Spelling("\x00http://127.0.0.1/", "127.0.0.1", "odd", "CVE-2023-24329 (urlsplit and leading blanks)"),
    Spelling("0://127.0.0.1:80;http://public.example:80/", "127.0.0.1", "odd", "PATT (filter_var)"),
    Spelling("file://127.0.0.1/etc/passwd", "127.0.0.1", "odd", "PATT (schemes)"),
    Spelling("gopher://127.0.0.1:80/_INFO", "127.0.0.1", "odd", "PATT (schemes)"),
    Spelling("dict://127.0.0.1:80/info", "127.0.0.1", "odd", "PATT (schemes)"),
    Spelling("jar:http://127.0.0.1!/", "127.0.0.1", "odd", "PATT (schemes)"),
    Spelling("ws://127.0.0.1/", "127.0.0.1", "odd", "RFC 6455: ssrfguard knows its port"),
)


class Reserved(NamedTuple):
    """A block of addresses that serves no pictures."""

    network: str
    name: str
    source: str


RESERVED: tuple[Reserved, ...] = (
    Reserved("0.0.0.0/8", "this network", "IANA 4; RFC 791"),
    Reserved("10.0.0.0/8", "private use", "IANA 4; RFC 1918"),
    Reserved("100.64.0.0/10", "shared address space", "IANA 4; RFC 6598"),
    Reserved("127.0.0.0/8", "loopback", "IANA 4; RFC 1122"),
    Reserved("168.63.129.16/32", "Azure's own", "Microsoft, What is IP address 168.63.129.16?"),
    Reserved("169.254.0.0/16", "link local", "IANA 4; RFC 3927"),
    Reserved("172.16.0.0/12", "private use", "IANA 4; RFC 1918"),
    Reserved("192.0.0.0/24", "IETF protocol assignments, with PCP and TURN anycast", "IANA 4; RFC 6890, 7723, 8155"),
    Reserved("192.0.2.0/24", "documentation", "IANA 4; RFC 5737"),
    Reserved("192.31.196.0/24", "AS112", "IANA 4; RFC 7535"),
    Reserved("192.52.193.0/24", "AMT", "IANA 4; RFC 7450"),
    Reserved("192.88.99.0/24", "6to4 relay anycast", "IANA 4; RFC 7526"),
    Reserved("192.168.0.0/16", "private use", "IANA 4; RFC 1918"),
    Reserved("192.175.48.0/24", "direct delegation AS112", "IANA 4; RFC 7534"),
    Reserved("198.18.0.0/15", "benchmarking", "IANA 4; RFC 2544"),
    Reserved("198.51.100.0/24", "documentation", "IANA 4; RFC 5737"),
    Reserved("203.0.113.0/24", "documentation", "IANA 4; RFC 5737"),
    Reserved("224.0.0.0/4", "multicast", "RFC 5771"),
    Reserved("240.0.0.0/4", "reserved, and limited broadcast", "IANA 4; RFC 1112, 8190"),
    Reserved("::/128", "unspecified", "IANA 6; RFC 4291"),
    Reserved("::1/128", "loopback", "IANA 6; RFC 4291"),
    Reserved("::7f00:0/104", "IPv4-compatible", "RFC 4291, 2.5.5.1"),
    Reserved("::ffff:0:0/96", "IPv4-mapped", "IANA 6; RFC 4291"),
    Reserved("::ffff:0:0:0/96", "IPv4-translated", "RFC 2765, 2.1"),
    Reserved("64:ff9b:1::/48", "IPv4-IPv6 translation within one network", "IANA 6; RFC 8215"),
    Reserved("100::/64", "discard only", "IANA 6; RFC 6666"),
    Reserved("100:0:0:1::/64", "dummy prefix", "IANA 6; RFC 9780"),
    Reserved("2001::/32", "Teredo", "IANA 6; RFC 4380"),
    Reserved("2001:1::/32", "PCP, TURN and DNS-SD anycast", "IANA 6; RFC 7723, 8155, 9665"),
    Reserved("2001:2::/48", "benchmarking", "IANA 6; RFC 5180"),
    Reserved("2001:3::/32", "AMT", "IANA 6; RFC 7450"),
    Reserved("2001:4:112::/48", "AS112", "IANA 6; RFC 7535"),
    Reserved("2001:10::/28", "ORCHID", "IANA 6; RFC 4843"),
    Reserved("2001:20::/28", "ORCHIDv2", "IANA 6; RFC 7343"),
    Reserved("2001:30::/28", "drone remote ids", "IANA 6; RFC 9374"),
    Reserved("2001:db8::/32", "documentation", "IANA 6; RFC 3849"),
    Reserved("2002::/16", "6to4", "IANA 6; RFC 3056"),
    Reserved("2620:4f:8000::/48", "direct delegation AS112", "IANA 6; RFC 7534"),
    Reserved("3fff::/20", "documentation", "IANA 6; RFC 9637"),
    Reserved("4000::/2", "not given out as global unicast", "RFC 4291, 2.4"),
    Reserved("5f00::/16", "SRv6 segment ids", "IANA 6; RFC 9602"),
    Reserved("fc00::/7", "unique local", "IANA 6; RFC 4193"),
    Reserved("fe80::/10", "link local", "IANA 6; RFC 4291"),
    Reserved("fec0::/10", "site local", "RFC 3879"),
    Reserved("ff00::/8", "multicast", "RFC 4291, 2.7"),
)

PUBLIC: tuple[str, ...] = ("93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::808:808")
