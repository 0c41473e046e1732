"""How made-up secrets look, by kind."""

from __future__ import annotations

import base64
import gzip
import json
import random
import string
from collections.abc import Callable

Make = Callable[[random.Random], str]

LETTERS = string.ascii_letters
DIGITS = string.digits
MIXED = LETTERS + DIGITS
HEX = "0123456789abcdef"


def some(rng: random.Random, alphabet: str, length: int) -> str:
    """`length` random characters, of every class that the alphabet has."""
    while True:
        text = "".join(rng.choice(alphabet) for _ in range(length))
        classes = [
            group for group in (string.ascii_lowercase, string.ascii_uppercase, DIGITS) if set(group) & set(alphabet)
        ]
        if length < 12 or all(set(group) & set(text) for group in classes):
            return text


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def jwt(rng: random.Random) -> str:
    """As a ServiceAccount's."""
    header = {"alg": rng.choice(["RS256", "ES256", "HS256"]), "kid": some(rng, MIXED, 20)}
    claims = {
        "iss": "kubernetes/serviceaccount",
        "sub": f"system:serviceaccount:shop:{some(rng, HEX, 6)}",
        "exp": 1893456000,
    }
    parts = [_b64url(json.dumps(part).encode()) for part in (header, claims)]
    return ".".join([*parts, _b64url(rng.randbytes(64))])


def pem(label: str) -> Make:
    """A private key with random bytes inside."""

    def make(rng: random.Random) -> str:
        body = base64.b64encode(rng.randbytes(rng.choice([118, 279, 608]))).decode()
        lines = [body[n : n + 64] for n in range(0, len(body), 64)]
        return "\n".join(lines)

    make.__name__ = label
    return make


def wrapped(label: str, body: str) -> str:
    """A key's body between its armour lines."""
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----"


def password(rng: random.Random) -> str:
    """As people and generators make them."""
    style = rng.randrange(4)
    if style == 0:
        return some(rng, MIXED, rng.randint(12, 24))
    if style == 1:
        return some(rng, MIXED + "!#%^*_+?~", rng.randint(14, 24)).replace(" ", "x")
    if style == 2:
        return rng.choice(["Summer", "Winter", "Dragon", "Kraken"]) + rng.choice("!_-#") + some(rng, DIGITS, 6)
    return some(rng, HEX, 32)


def helm_record(rng: random.Random) -> str:
    """A release as Helm stores it."""
    release = {
        "name": "shop",
        "chart": {"values": {"db": {"password": some(rng, MIXED, 20)}}},
        "info": some(rng, MIXED, 400),
    }
    return base64.b64encode(gzip.compress(json.dumps(release).encode())).decode()


def _prefixed(prefix: str, alphabet: str, length: int) -> Make:
    return lambda rng: prefix + some(rng, alphabet, length)


SELF_EVIDENT: dict[str, Make] = {
    "service account token": jwt,
    "AWS access key id": _prefixed("AKIA", string.ascii_uppercase + "234567", 16),
    "AWS temporary key id": _prefixed("ASIA", string.ascii_uppercase + "234567", 16),
    "GitHub token": _prefixed("ghp_", MIXED, 36),
    "GitHub app token": _prefixed("ghs_", MIXED, 36),
    "GitHub fine-grained token": lambda rng: "github_pat_" + some(rng, MIXED, 22) + "_" + some(rng, MIXED, 59),
    "GitLab token": _prefixed("glpat-", MIXED + "_-", 20),
    "Slack bot token": lambda rng: f"xoxb-{some(rng, DIGITS, 12)}-{some(rng, DIGITS, 13)}-{some(rng, MIXED, 24)}",
    "Slack app token": lambda rng: (
        f"xapp-1-A0{some(rng, string.ascii_uppercase, 9)}-{some(rng, DIGITS, 13)}-{some(rng, HEX, 64)}"
    ),
    "Stripe key": _prefixed("sk_live_", MIXED, 24),
    "OpenAI key": lambda rng: "sk-proj-" + some(rng, MIXED + "_-", 74),
    "older OpenAI key": lambda rng: "sk-" + some(rng, MIXED, 20) + "T3BlbkFJ" + some(rng, MIXED, 20),
    "Anthropic key": lambda rng: "sk-ant-api03-" + some(rng, MIXED + "_-", 93) + "AA",
    "Google API key": _prefixed("AIza", MIXED + "_-", 35),
    "Google OAuth token": _prefixed("ya29.", MIXED + "_-", 60),
    "npm token": _prefixed("npm_", MIXED, 36),
    "PyPI token": _prefixed("pypi-AgEIcHlwaS5vcmc", MIXED + "_-", 120),
    "SendGrid key": lambda rng: f"SG.{some(rng, MIXED + '_-', 22)}.{some(rng, MIXED + '_-', 43)}",
    "Twilio key": _prefixed("SK", HEX, 32),
    "Vault token": _prefixed("hvs.", MIXED, 90),
    "Grafana token": lambda rng: f"glsa_{some(rng, MIXED, 32)}_{some(rng, HEX, 8)}",
    "Docker Hub token": _prefixed("dckr_pat_", MIXED + "_-", 27),
    "DigitalOcean token": _prefixed("dop_v1_", HEX, 64),
    "Hugging Face token": _prefixed("hf_", LETTERS, 34),
    "age identity": _prefixed("AGE-SECRET-KEY-1", string.ascii_uppercase + DIGITS, 58),
}

NAMED: dict[str, Make] = {
    "password": password,
    "API key": lambda rng: some(rng, MIXED, rng.randint(20, 48)),
    "hexadecimal key": lambda rng: some(rng, HEX, 64),
    "uuid as token": lambda rng: "-".join(some(rng, HEX, n) for n in (8, 4, 4, 4, 12)),
}

IN_CONTEXT: dict[str, tuple[Make, str]] = {
    "Secret value": (password, "secret object"),
    "Helm release": (helm_record, "helm"),
    "RSA private key": (pem("RSA PRIVATE KEY"), "pem RSA PRIVATE KEY"),
    "EC private key": (pem("EC PRIVATE KEY"), "pem EC PRIVATE KEY"),
    "PKCS8 private key": (pem("PRIVATE KEY"), "pem PRIVATE KEY"),
    "OpenSSH private key": (pem("OPENSSH PRIVATE KEY"), "pem OPENSSH PRIVATE KEY"),
    "PGP private key": (pem("PGP PRIVATE KEY BLOCK"), "pem PGP PRIVATE KEY BLOCK"),
    "URL password": (lambda rng: some(rng, MIXED + "!-_.", 16), "url"),
    "ADO.NET or JDBC password": (lambda rng: some(rng, MIXED + "!_", 16), "connection string"),
    "Azure storage key": (lambda rng: base64.b64encode(rng.randbytes(64)).decode(), "azure"),
    "Azure SAS": (
        lambda rng: (
            base64.b64encode(rng.randbytes(32)).decode().replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        ),
        "sas",
    ),
    "AWS secret access key": (lambda rng: some(rng, MIXED + "+/", 40), "aws"),
    "bearer token": (lambda rng: some(rng, MIXED + "._-", 40), "bearer"),
    "basic login": (lambda rng: base64.b64encode(f"robot:{some(rng, MIXED, 18)}".encode()).decode(), "basic"),
    "docker config login": (
        lambda rng: base64.b64encode(f"robot:{some(rng, MIXED, 18)}".encode()).decode(),
        "docker config",
    ),
    "command-line password": (lambda rng: some(rng, MIXED, 16), "command line"),
    ".netrc password": (lambda rng: some(rng, MIXED, 16), "netrc"),
    ".pgpass password": (lambda rng: some(rng, MIXED, 16), "pgpass"),
    ".npmrc token": (lambda rng: some(rng, MIXED, 36), "npmrc"),
    "htpasswd hash": (lambda rng: f"$apr1${some(rng, MIXED, 8)}${some(rng, MIXED + './', 22)}", "htpasswd"),
    "kubeconfig key": (
        lambda rng: base64.b64encode(wrapped("RSA PRIVATE KEY", pem("")(rng)).encode()).decode(),
        "kubeconfig key",
    ),
    "kubeconfig token": (lambda rng: some(rng, MIXED, 32), "kubeconfig token"),
    "bootstrap token": (lambda rng: some(rng, string.ascii_lowercase + DIGITS, 16), "bootstrap"),
    "GCP service account key": (pem("PRIVATE KEY"), "gcp"),
    "Slack webhook": (
        lambda rng: (
            "/".join(some(rng, string.ascii_uppercase + DIGITS, 10) for _ in range(2)) + "/" + some(rng, MIXED, 24)
        ),
        "webhook",
    ),
    "session cookie": (lambda rng: some(rng, MIXED, 40), "cookie"),
    "PuTTY private key": (pem("PuTTY"), "putty"),
}
