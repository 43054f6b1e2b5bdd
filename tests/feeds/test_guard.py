"""The table of addresses we never connect to."""

from __future__ import annotations

import re
import socket
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.feeds.guard import AT_ONCE, Guard, RefusedError, why_blocked


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:10::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "1::1",
        "4000::1",
        "not an address",
    ],
)
def test_it_is_refused(address: str) -> None:
    """A34: loopback, private, link-local, CGNAT, multicast, NAT64, 6to4, Teredo, mapped and compatible forms."""
    assert why_blocked(address)
    with pytest.raises(RefusedError):
        Guard(()).check(address)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("::ffff:127.0.0.1", "an IPv4-mapped address"),
        ("::ffff:0:127.0.0.1", "an IPv4-translated address"),
        ("64:ff9b::127.0.0.1", "NAT64"),
        ("64:ff9b:1::127.0.0.1", "NAT64"),
        ("2002:7f00:1::", "6to4"),
        ("2001:0:7f00:1::", "Teredo"),
        ("fe80::1%lo", "link-local"),
        ("ff02::1", "multicast"),
        ("::1", "loopback"),
        ("169.254.169.254", "link-local"),
        ("100.64.0.1", "carrier-grade NAT"),
        ("4000::1", "not given out to anybody"),
    ],
)
def test_a_refusal_names_the_form(address: str, words: str) -> None:
    """A34: who opens a network must know which form of it was meant."""
    with pytest.raises(RefusedError, match=f"{re.escape(address)} is {words}, and polling.allow_private_networks"):
        Guard(()).check(address)


PUBLIC_V4 = ("8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "223.255.255.255")
PUBLIC_V6 = ("2606:4700::1", "2a00:1450::1", "2001:4860::1", "2400::1", "2003::1")


@pytest.mark.parametrize("address", [*PUBLIC_V4, *PUBLIC_V6])
def test_public_addresses_are_open(address: str) -> None:
    assert why_blocked(address) is None


@given(st.ip_addresses(v=4))
def test_no_private_ipv4_address_hides_in_another_form(address: object) -> None:
    """A34: every IPv6 form of an IPv4 address is refused, whatever the address."""
    number = int(ip_address(str(address)))
    high, low = number >> 16, number & 0xFFFF
    forms = [
        f"::ffff:{address}",
        f"::{high:x}:{low:x}",
        f"64:ff9b::{high:x}:{low:x}",
        f"2002:{high:x}:{low:x}::1",
        f"2001:0:{high:x}:{low:x}::",
    ]
    assert all(why_blocked(form) for form in forms)


@given(st.ip_addresses())
def test_what_python_calls_private_is_refused(address: object) -> None:
    """A34: the table is at least as strict as ipaddress.is_global."""
    ip = ip_address(str(address))
    if not ip.is_global or ip.is_multicast:
        assert why_blocked(str(ip))


def test_allowed_networks_open_exactly_what_they_name() -> None:
    """A34: 127.0.0.0/8 opens itself, not its mapped form nor the rest of the world's private networks."""
    allowed = (ip_network("127.0.0.0/8"), ip_network("fd00:1::/32"))
    assert why_blocked("127.0.0.9", allowed) is None
    assert why_blocked("fd00:1::5", allowed) is None
    for closed in ("::ffff:127.0.0.9", "::1", "10.0.0.1", "fd00:2::5", "2002:7f00:9::"):
        assert why_blocked(closed, allowed)


def test_a_socket_hands_out_little_at_a_time() -> None:
    """A35: twenty hosts that answered with 1xx without end, or chunks of a byte, kept others waiting for 6 s a turn."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = Guard((ip_network("127.0.0.0/8"),)).socket(
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", server.getsockname())
        )
        with made:
            made.connect(server.getsockname())
            with server.accept()[0] as peer:
                peer.sendall(b"x" * 30_000)
                assert len(made.recv(65_536)) <= AT_ONCE
                peer.sendall(b"x" * 30_000)
                assert made.recv_into(bytearray(65_536)) <= AT_ONCE
