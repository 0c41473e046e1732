"""The TLS side of a connection, built once and again only when one of its files has changed."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from kubeai_bot.errors import CredentialsFailed


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of the cluster's CA and of the client certificate and key; `verify` False trusts any server."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    verify: bool = True


class TlsContexts:
    """Remembers the context of the last files. Building one takes 30-50 ms: never on the event loop."""

    def __init__(self) -> None:
        self._last: tuple[object, ssl.SSLContext] | None = None

    def context(self, files: TlsFiles) -> ssl.SSLContext:
        """Raises CredentialsFailed for files that cannot be read."""
        try:
            state = (files, *(_stamp(path) for path in (files.ca, files.certificate, files.key)))
            if self._last is None or self._last[0] != state:
                self._last = (state, _build(files))
        except OSError as error:  # ssl.SSLError is one
            reason = error.strerror or getattr(error, "reason", None) or type(error).__name__
            raise CredentialsFailed(f"the CA or client certificate cannot be loaded: {reason}") from error
        return self._last[1]


def _stamp(path: str | None) -> int:
    return Path(path).stat().st_mtime_ns if path else 0


def _build(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=files.ca)
    # Python 3.13 asks for RFC 5280 to the letter; many clusters' CAs lack a key identifier. The chain and the
    # host name are verified all the same.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not files.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if files.certificate:
        context.load_cert_chain(files.certificate, files.key)
    return context
