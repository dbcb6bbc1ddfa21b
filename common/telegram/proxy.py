"""The way to the Bot API: through the proxy that the environment names, and which certificates to trust."""

from __future__ import annotations

import ipaddress
import os
import ssl
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
from yarl import URL

from common.errors import SettingsError


def proxy_towards(api_url: str) -> URL | None:
    """The proxy that the environment names; None for a server on this machine or in this network.

    Raises:
        SettingsError: The environment names a proxy that does not speak HTTP, or an address that is not valid.
    """
    parts = urlsplit(api_url)
    if is_near(api_url) or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found:
        return None
    scheme, separator, _ = found.lower().partition("://")
    if separator and scheme not in {"http", "https"}:
        raise SettingsError(f"the proxy in the environment cannot be used: {scheme}:// is not http:// or https://")
    try:
        proxy = URL(found if separator else f"http://{found}")
    except ValueError:  # its text has the address in it, and perhaps a password
        proxy = URL()
    if not proxy.host:
        raise SettingsError("the proxy in the environment cannot be used: its address is not valid")
    return proxy


def is_near(url: str) -> bool:
    """Whether a server is on this machine, or in this network."""
    host = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def trusted() -> ssl.SSLContext:
    """The certificates that the environment names, else the ``certifi`` package's: a small system may have no list."""
    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context()
    return ssl.create_default_context(cafile=certifi.where())
