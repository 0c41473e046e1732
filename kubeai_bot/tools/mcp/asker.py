"""For whom a server is asked, and how it is told."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey, RSAKey

from kubeai_bot.domain.identity import Identity
from kubeai_bot.errors import KubeAIError, ToolError
from kubeai_bot.tools.mcp.config import McpServer, SignedToken

_PLAIN = " !#$&'()*+-./:;<=>?@[]^_`{|}~"
"""Left as they are in a forwarded value; everything else, the comma between groups too, is percent-encoded."""


class BadKey(KubeAIError):
    """The operator's signing key cannot be used."""


@dataclass(frozen=True, slots=True)
class Asker:
    """One person as a server is told of them: equal only where every one of these is."""

    user: str
    groups: tuple[str, ...]
    slack_user: str
    slack_team: str


def asker_of(server: McpServer, identity: Identity) -> Asker:
    """Raises ToolError where there is nobody to name."""
    kube = identity.kube
    named = server.token is not None or any("{user" in text or "{groups" in text for text in server.forward.values())
    if kube is None and named:
        raise ToolError(
            f"The MCP server {server.name} is told for whom it works, and with IMPERSONATE=false nobody is known to"
            " Kubernetes by name. It cannot be used here."
        )
    speaker = identity.speaker
    return Asker(kube.user if kube else "", kube.groups if kube else (), speaker.user_id, speaker.team_id)


def forwarded(server: McpServer, asker: Asker) -> Mapping[str, str]:
    """The headers that tell who asks."""
    values = {
        "user": quote(asker.user, safe=_PLAIN),
        "groups": ",".join(quote(group, safe=_PLAIN) for group in asker.groups),
        "slack_user": quote(asker.slack_user, safe=_PLAIN),
    }
    return {name: template.format_map(values) for name, template in server.forward.items()}


class Signer:
    """Signs who asks. Raises BadKey."""

    def __init__(self, token: SignedToken) -> None:
        self._token = token
        kinds = {"HS": OctKey, "RS": RSAKey, "PS": RSAKey, "ES": ECKey}
        try:
            self._key = kinds[token.algorithm[:2]].import_key(token.key)
            self.sign(Asker("check", (), "", ""))
        except (JoseError, ValueError, TypeError) as error:
            raise BadKey(f"the key for {token.algorithm} cannot be used: {type(error).__name__}") from error

    def sign(self, asker: Asker) -> str:
        """The value of the header, good from now on for the token's time."""
        token, now = self._token, int(time.time())
        claims = {
            "iss": token.issuer,
            "aud": token.audience,
            "sub": asker.user,
            "groups": list(asker.groups),
            "slack_user": asker.slack_user,
            "slack_team": asker.slack_team,
            "iat": now,
            "nbf": now,
            "exp": now + int(token.ttl),
            "jti": uuid.uuid4().hex,
        }
        text = jwt.encode({"alg": token.algorithm, "typ": "JWT"}, claims, self._key, algorithms=[token.algorithm])
        return f"Bearer {text}" if token.header.lower() == "authorization" else text
