"""What is no secret stays readable."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from kubeai_bot.domain.redaction.redactor import MARKER, Redactor
from tests.redaction.benign import benign


def test_at_most_one_token_in_a_hundred_of_ordinary_output_is_redacted(redactor: Redactor) -> None:
    seed = random.SystemRandom().randrange(10**6)
    tokens: Counter[str] = Counter()
    redacted: Counter[str] = Counter()
    for what, carrier in benign(seed):
        before = carrier if isinstance(carrier, str) else json.dumps(carrier, indent=1)
        after = (
            redactor.text(carrier).text if isinstance(carrier, str) else json.dumps(redactor.value(carrier), indent=1)
        )
        tokens[what] += len(before.split())
        redacted[what] += len(MARKER.findall(after))
    rate = redacted.total() / tokens.total()
    print(f"over-redaction: seed {seed}, {redacted.total()} of {tokens.total()} tokens ({rate:.3%}), {dict(redacted)}")  # noqa: T201
    assert tokens.total() > 50_000
    assert rate <= 0.01
    assert all(redacted[what] <= max(2, tokens[what] // 100) for what in tokens)


@pytest.mark.parametrize(
    "text",
    [
        "image: nginx@sha256:4f3c2b1a0d9e8f7a4f3c2b1a0d9e8f7a4f3c2b1a0d9e8f7a4f3c2b1a0d9e8f7a",
        "uid: 2b1a0d9e-8f7a-4f3c-9b1a-0d9e8f7a4f3c\nresourceVersion: '123456789'",
        "checksum/secret: 4f3c2b1a0d9e8f7a4f3c2b1a0d9e8f7a4f3c2b1a0d9e8f7a4f3c2b1a0d9e8f7a",
        "pod-template-hash=7d9f8b6c5 controller-revision-hash=6b7c9d8f5",
        "commit 0d9e8f7a4f3c2b1a0d9e8f7a4f3c2b1a0d9e8f7a by mia",
        "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: shop-db\n      key: password\n",
        "- name: DB_PASSWORD_FILE\n  value: /run/secrets/db/password\n",
        "- name: SECRET_NAME\n  value: shop-db\n- name: TOKEN_URL\n  value: https://login.example/oauth2/token\n",
        "pod/secret-agent-7d9f8b6c5-x2x4z is Running on node-2 at 10.42.0.17 since 2026-09-01T10:00:00Z",
        "volumes:\n- name: tls\n  secret:\n    secretName: shop-tls\n",
        "existingSecret: shop-db-credentials\nautomountServiceAccountToken: false\n",
        "DB_PASSWORD:  <set to the key 'password' in secret 'shop-db'>  Optional: false",
        "args: [--password=$(DB_PASSWORD), --token-file=/var/run/token]",
        "error: token: invalid; password: required; authentication failed",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl mia@shop",
        "tolerationSeconds: 300, max_tokens: 4096, prompt_tokens=812",
        "basket.17f3a9c2b1d0e4f5   Warning   BackOff",
        "curl -u $USER:$PASSWORD https://shop.example:8443/a@b",
    ],
)
def test_names_references_hashes_and_addresses_stay_visible(redactor: Redactor, text: str) -> None:
    assert redactor.text(text).text == text


def test_a_secrets_keys_and_metadata_stay_and_empty_values_too(redactor: Redactor) -> None:
    secret = {
        "kind": "Secret",
        "metadata": {"name": "db", "uid": "u-1"},
        "type": "Opaque",
        "data": {"password": "aHVudGVyMg==", "empty": ""},
    }
    redacted = redactor.value(secret)
    assert redacted["metadata"] == secret["metadata"]
    assert redacted["type"] == "Opaque"
    assert redacted["data"]["empty"] == ""
    assert MARKER.fullmatch(redacted["data"]["password"])


def test_types_that_are_not_text_stay_what_they_are(redactor: Redactor) -> None:
    document = {"replicas": 3, "ratio": 0.5, "ready": True, "nothing": None, "list": [1, [2]]}
    assert redactor.json(document) == document
