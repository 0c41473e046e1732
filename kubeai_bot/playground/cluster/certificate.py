"""A throw-away server certificate for the demo cluster, made with the openssl program.

kubectl sends no token over plain HTTP, so whoever wants to point kubectl at the demo serves it with TLS.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class ServerCertificate:
    """Files of a self-signed certificate for 127.0.0.1 and localhost, and of its key."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def authority_data(self) -> str:
        """certificate-authority-data of a kubeconfig."""
        return base64.b64encode(self.certificate.read_bytes()).decode()


async def make_certificate(folder: Path) -> ServerCertificate:
    """Writes tls.crt and tls.key to `folder`. OSError if openssl is missing or fails, TimeoutError if it hangs."""
    made = ServerCertificate(folder / "tls.crt", folder / "tls.key")
    process = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=kubeai-demo"),
        *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
        *("-keyout", str(made.key), "-out", str(made.certificate)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, errors = await asyncio.wait_for(process.communicate(), _TIMEOUT_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise OSError(f"openssl failed: {errors.decode(errors='replace').strip()}")
    made.key.chmod(0o600)
    return made
