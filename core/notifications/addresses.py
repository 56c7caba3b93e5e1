"""Which machines Holdfast may talk to by itself.

The addresses of this machine and of private networks are where most receivers of a home or a laboratory are: they
are allowed unless the settings refuse them. Link-local addresses are always refused: behind them are the metadata
services of clouds, which give away keys to whoever asks, and no receiver of anybody's.
"""

import ipaddress
from typing import Final

from core.errors import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

NEVER: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",
        "fe80::/10",
        "fd00:ec2::254/128",
        "100.100.100.200/32",
        "192.0.0.192/32",
    )
)
"""Link-local, and where else clouds keep the metadata of their machines."""

NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(Refused):
    """The address is one that Holdfast does not talk to."""

    code = "address-refused"
    hint = "Name a receiver with another address."


def check(text: str, *, private: bool) -> None:
    """Raise AddressRefused for an address, as the resolver gives it, that must not be talked to."""
    try:
        address = _plain(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        raise AddressRefused("The receiver has no address that can be checked.") from None
    if address.is_multicast or address.is_unspecified or address == ipaddress.IPv4Address("255.255.255.255"):
        raise AddressRefused("The receiver's address is not one of a machine.")
    if any(address in network for network in NEVER):
        raise AddressRefused(
            "The receiver's address is link-local, where only machines talk about themselves."
        )
    if not private and not address.is_global:
        raise AddressRefused(
            "The receiver is on this machine or in a private network, and the settings refuse these.",
            hint="Set HOLDFAST_PRIVATE_RECEIVERS to allow, or name another receiver.",
        )


def _plain(address: Address) -> Address:
    """Return the address of version 4 that one of version 6 stands for, if it does."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return inner or address
    return address
