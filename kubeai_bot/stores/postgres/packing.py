"""Records in as few bytes as they need: JSON, deflated against a dictionary of what such records are made of.

What is written goes to the disk twice, through the write-ahead log and into the table, and to every standby. Most of
a short record is field names and identity: a turn takes about half the bytes this way, for less than 0.1 ms. Window,
memory and level are small, because the records are: more of them would take twice as long for a twentieth of the bytes.
"""

from __future__ import annotations

import zlib
from typing import Any

from kubeai_bot.errors import StoreError
from kubeai_bot.stores.codec import dumps, loads

_FORMAT = b"\x01"
_WINDOW_BITS, _MEMORY, _LEVEL = 13, 6, 3

# Part of the format: never to be changed, only to be followed by another one under another number. What is met most
# stands last.
_DICTIONARY = (
    b'{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"","namespace":"default","labels":{"app":"'
    b"creationTimestamp: status: conditions: reason: message: containers: image: resources: limits: requests: memory: "
    b"NAMESPACE NAME READY STATUS RESTARTS AGE Running CrashLoopBackOff ImagePullBackOff OOMKilled Pending Completed "
    b"LAST SEEN TYPE REASON OBJECT MESSAGE Warning Normal BackOff Unhealthy FailedScheduling pod/ deployment/ service/ "
    b'kube-system error failed timeout"}],"vendor":{"vendor":"openai","parts":{"vendor":"gemini","parts":{'
    b'"kind":"message","text":"","ts":"17","opens":true,"received_at":"2026-'
    b'{"v":1,"keys":["Ev0","C0/17"],"thread":{"team_id":"T0","channel_id":"C0","thread_ts":"17"},"is_dm":true'
    b'"per_cluster":[["prod",{"user":"","groups":[]}]],"method":"kubeconfig","method":"shared","'
    b'{"v":1,"type":"error","type":"user-choice-request","type":"user-input-request","prompt":"","choices":["'
    b'{"v":1,"type":"tool-call-started","turn_id":"","source":"agent","at":"2026-","payload":{"call_id":"call_'
    b'{"v":1,"type":"tool-call-response","turn_id":"","source":"agent","at":"2026-","payload":{"call_id":"call_","name":"'
    b'","content":"","ok":true,"changed":true,"summary":"","seconds":0.'
    b'{"v":1,"type":"tool-call-request","turn_id":"","source":"model","at":"2026-","payload":{"calls":[{"id":"call_",'
    b'"name":"","arguments":{"namespace":"","name":"","kind":"'
    b'{"v":1,"type":"text","turn_id":"","source":"user","at":"2026-","payload":{"text":"'
    b'{"v":1,"type":"text","turn_id":"","source":"model","at":"2026-","payload":{"text":"'
    b'"},"identity":{"speaker":{"team_id":"T0","user_id":"U0"},"method":"mapping","resolved_at":"2026-11-'
    b'T12:00:00.000000+00:00","kube":{"user":"","groups":["'
    b'"]}},"speaker":{"team_id":"T0","user_id":"U0"},"metadata":{"'
)

_EMPTY = zlib.compressobj(_LEVEL, zlib.DEFLATED, -_WINDOW_BITS, _MEMORY, zdict=_DICTIONARY)
"""For copies: reading the dictionary takes longer than deflating a short record."""


def pack(record: Any) -> bytes:
    """Raises TypeError for what JSON cannot hold."""
    deflate = _EMPTY.copy()
    return _FORMAT + deflate.compress(dumps(record).encode("ascii")) + deflate.flush()


def unpack(packed: bytes) -> Any:
    """Raises StoreError for what this version cannot read."""
    if packed[:1] != _FORMAT:
        raise StoreError("a stored record was written by a newer version of kubeai-bot: update this one")
    try:
        inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS, zdict=_DICTIONARY)
        record = inflate.decompress(packed[1:])
    except zlib.error as error:
        raise StoreError(f"a stored record is damaged: {error}") from error
    if not inflate.eof:
        raise StoreError("a stored record is damaged: its end is missing")
    return loads(record)
