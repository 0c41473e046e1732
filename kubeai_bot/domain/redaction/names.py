"""Which names promise a secret value, and which values under such a name are none (references, flags, placeholders)."""

from __future__ import annotations

import base64
import binascii
import re
from enum import Enum
from functools import lru_cache

from kubeai_bot.domain.redaction.vocabulary import (
    ABOUT,
    ABOUT_ANYWHERE,
    KEY_IN_SECRET,
    KEY_OWNERS,
    PAIRS,
    PASSWORDS,
    SECRETS,
)

_KEYWORD = re.compile(
    r"pass|pwd|secret|token|key|cred|dsn|auth|conn|cookie|sig|webhook|seed|mnemonic|pin|otp|recovery",
    re.IGNORECASE | re.ASCII,
)


class Promise(Enum):
    """What a name says about its value."""

    NOTHING = 0
    REFERENCE_OR_SECRET = 1
    """`existingSecret`, `secretKey`, `token`-like YAML fields that often hold another object's name."""
    SECRET = 2
    PASSWORD = 3
    """As SECRET, and any value counts, numbers included."""


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", re.ASCII)


@lru_cache(maxsize=4096)
def promise(name: str) -> Promise:
    """What `name` (an environment variable, key, flag or header name in any spelling) promises."""
    name = name[-160:]
    if _KEYWORD.search(name) is None:
        return Promise.NOTHING
    words = [word.lower() for word in _WORDS.findall(name)]
    while words and words[-1].isdigit():
        words.pop()
    if not words:
        return Promise.NOTHING
    last, pair = words[-1], tuple(words[-2:])
    about = last in ABOUT or not ABOUT_ANYWHERE.isdisjoint(words)
    if about and pair not in PAIRS:
        return Promise.NOTHING
    return _promise_of(words, name)


def _promise_of(words: list[str], name: str) -> Promise:
    last, pair = words[-1], tuple(words[-2:])
    if not PASSWORDS.isdisjoint(words) and last not in {"key", "secret"}:
        return Promise.PASSWORD
    if last == "pass" or last.endswith(("password", "passwd")):
        return Promise.PASSWORD
    spelled_as_variable = name.isupper() and name.replace("_", "").isalnum()
    if not spelled_as_variable and _names_an_object(words):
        return Promise.REFERENCE_OR_SECRET
    if not SECRETS.isdisjoint(words) or pair in PAIRS:
        return Promise.SECRET
    if last == "key" and len(words) > 1 and words[-2] in KEY_OWNERS:
        return Promise.SECRET
    if last in {"data", "base64", "b64", "value", "hex", "pem"} and len(words) > 1:
        return _promise_of(words[:-1], name) if words[-2:] != ["keys", "data"] else Promise.NOTHING
    if last.endswith(("token", "secret", "apikey")):
        return Promise.SECRET
    return Promise.REFERENCE_OR_SECRET if last in {"auth", "sig", "signature"} else Promise.NOTHING


def _names_an_object(words: list[str]) -> bool:
    """`existingSecret`, `secretKey`, `passwordKey`, `imagePullSecrets`, `credentials`: in Kubernetes often a name."""
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in {"secret", "secrets", "credentials", "credential"}:
        return before not in {"client", "app", "shared", "consumer", "signing", "webhook", "jwt", "api", "session"}
    return last == "key" and before in {"secret", "password", "token", "credentials", "user"}


_NO_VALUE = re.compile(
    r"(?:true|false|yes|no|on|off|null|none|nil|undefined|unset|empty|required|optional|invalid|missing|expired|n/a"
    r"|enabled|disabled|string|<nil>|\[\]|\{\}|\{|\[|\||>|[|>][-+]|~|\"\"|''|[*•.x_X-]{2,}|\[?(?:redacted|masked"
    r"|hidden|filtered|omitted|secret)\]?|REDACTED|change-?me)",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"\$\([A-Za-z_][\w.-]*\)|\$\{[A-Za-z_]\w{0,99}\}|\$\{\{[^{}]{1,200}\}\}|\$[A-Z_][A-Z0-9_]{2,99}"
    r"|\{\{[^{}]{1,200}\}\}"
    r"|%[sdvq]|<[a-z][a-z _'-]{0,60}>|<set to the key .*|(?:vault|op|secretref|ref\+\w+|awssm|gcpsm|file)://?[\w./#@-]+"
    r"|vault:[a-z][\w/-]*#[\w.-]+|arn:aws[\w-]*:(?:secretsmanager|ssm|iam|kms):[\w:/.*-]+",
)
_PATH = re.compile(
    r"(?:~|\.{1,2})/[\w./@-]{1,400}"
    r"|/(?:var|etc|run|usr|opt|home|tmp|mnt|secrets?|srv|root|data|vault|config|certs?|keys?|app|bin|dev"
    r"|proc|sys|lib|workspace|builds?|credentials|tokens?|api|apis|v1|oauth2?)(?:/[\w.@-]{1,80}){0,20}/?"
)
_OBJECT_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-./][a-z0-9]+)*")
_PLAIN_WORD = re.compile(r"[a-z]{1,24}|[A-Z]?[a-z]{1,24}", re.ASCII)


def is_secret_value(name: str, value: str, promised: Promise | None = None) -> bool:
    """Whether `value` under `name` is taken as a secret: everything is, that is not plainly something else."""
    promised = promise(name) if promised is None else promised
    value = value.strip()
    if promised is Promise.NOTHING or not value or _NO_VALUE.fullmatch(value) or _REFERENCE.fullmatch(value):
        return False
    if _PATH.fullmatch(value) or value.startswith("$("):
        return False
    if promised is Promise.PASSWORD:
        return True
    if value.isdigit() and len(value) < 6:
        return False
    last = name.lower()
    if last.endswith(("auth", "sig", "signature")) and promised is Promise.REFERENCE_OR_SECRET:
        return holds_a_login(value) or (not last.endswith("auth") and len(value) >= 16 and not value.islower())
    if promised is Promise.REFERENCE_OR_SECRET and _OBJECT_NAME.fullmatch(value):
        return not _reads_like_a_name(value)
    return True


def _reads_like_a_name(value: str) -> bool:
    """`shop-db-credentials`, `db/password`: words; not `x7f3k2m9`."""
    if value in KEY_IN_SECRET:
        return True
    pieces = re.split(r"[-./]", value)
    worded = sum(len(piece) for piece in pieces if piece.isalpha() or len(piece) <= 3)
    return len(pieces) > 1 and worded * 2 >= sum(map(len, pieces)) and max(map(len, pieces)) <= 24


def is_plain_word(value: str) -> bool:
    """An ordinary word, as it follows a colon in prose."""
    return _PLAIN_WORD.fullmatch(value.strip(".,;:!?)")) is not None


def holds_a_login(value: str) -> bool:
    """Whether `value` is base64 of `user:password` (docker's `auth`, npm's `_auth`, Basic authentication)."""
    if len(value) > 4096:
        return False
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_" if "_" in value else None).decode()
    except (binascii.Error, ValueError):
        return False
    return ":" in decoded[1:] and decoded.isprintable()
