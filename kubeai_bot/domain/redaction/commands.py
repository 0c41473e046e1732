"""Secrets known by where they stand: URLs with a password, programs' short flags, .netrc and .pgpass lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubeai_bot.domain.redaction.names import is_secret_value
from kubeai_bot.domain.redaction.patterns import compiled

Span = tuple[int, int]

_LOGIN_IN_URL = re.compile(r"://(?P<user>[^\s:/@\"'<>`?#]{0,256}):(?P<secret>[^\s\"'<>`]{1,512})@", re.ASCII)
_TOKEN_AS_USER = re.compile(r"://(?P<secret>(?=[^\s:/@]{0,256}[0-9])[^\s:/@\"'<>`?#]{20,256})@", re.ASCII)
_PORT_AND_PATH = re.compile(r"[0-9]{1,5}(?:/|$)")
_GAP = r"(?:[ \t=]{0,4}\\{0,4}[\"']?[ \t]{0,4},?[ \t]{0,4}\\{0,4}[\"']?)"
_LIST_GAP = r"(?:[ \t]{1,4}|\\{0,4}[\"'][ \t]{0,4},[ \t]{0,4})\\{0,4}[\"']?"
_BEFORE = r"(?:(?<=[\s\"',\[])|^)"
_VALUE = r"(?P<secret>(?!-|<redacted:)(?:[^\s\"'`\\|;&]|[;&](?!\s|$)){1,512})"


def _flag(pattern: str) -> str:
    return _BEFORE + pattern


_JOINED_P = _flag(r"-p" + r"(?P<secret>(?!<redacted:)(?:[^\s\"'`\\|;&=]|[;&](?!\s|$)){1,512})")
_QUOTED_P = _flag(r"-p[\"'](?P<secret>(?!<redacted:)[^\"']{1,512})")
_P = _flag(r"-p" + _GAP + _VALUE)
_LOGIN = _flag(r"(?:-u|--user|-U|--proxy-user|-a|--auth)" + _GAP + r"[^\s:\"'@/]{0,128}:" + _VALUE)

_PROGRAMS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("mysql", "mariadb"), (_JOINED_P, _QUOTED_P)),
    ((" login", '"login"', "'login'", "sshpass", "mongo", "add repo", "repo add"), (_P,)),
    (("curl", "wget", "http ", "https ", "ab "), (_LOGIN,)),
    (("redis-cli", "redis-benchmark", "keydb-cli", "valkey-cli"), (_flag(r"(?:-a|--pass)" + _LIST_GAP + _VALUE),)),
    (("ldap",), (_flag(r"-w" + _GAP + _VALUE),)),
    (("sqlcmd", "bcp "), (_flag(r"-P" + _GAP + _VALUE),)),
    (("openssl", "keytool"), (r"\bpass:" + _VALUE,)),
    (("smbclient", "rpcclient", "cifs"), (r"-U[ \t]{0,4}[^\s%]{1,128}%" + _VALUE,)),
    (("rabbitmqctl",), (r"(?:add_user|change_password)\s{1,4}\S{1,128}\s{1,4}" + _VALUE,)),
    (("htpasswd",),
     (r"htpasswd\s{1,4}-[a-zA-Z]{1,9}(?:\s{1,4}[^\s-]\S{0,127}){2}\s{1,4}" + _VALUE,)),
    (("identified by",), (r"(?i:identified)\s{1,4}(?i:by)\s{1,4}['\"]?" + _VALUE,)),
    (("with password", "encrypted password"),
     (r"(?i:(?:with|encrypted)\s{1,4}password)\s{1,4}['\"](?P<secret>(?!<redacted:)[^'\"]{1,512})",)),
)  # fmt: skip
_BY_PROGRAM = tuple((program, patterns) for programs, patterns in _PROGRAMS for program in programs)
_WITHOUT_FLAGS = tuple(
    pair
    for pair in _BY_PROGRAM
    if pair[0] in {"openssl", "rabbitmqctl", "identified by", "with password", "encrypted password"}
)
_PIPED_LOGIN = re.compile(
    r"(?:echo|printf)\s{1,4}(?:-n\s{1,4})?[\"']?(?P<secret>(?!<redacted:|\$)[^\s\"'|]{1,512})"
    r"[\"']?\s{0,4}\|[^|]{0,200}password-stdin"
)
_NETRC = re.compile(
    r"(?:\blogin\s{1,8}\S{1,256}|^)\s{0,8}\bpassword\s{1,8}(?P<secret>(?!\S{0,4}<redacted:)[^\s:=]\S{0,511})", re.ASCII
)
_NETRC_ALONE = re.compile(r"\s{0,40}password\s{1,8}(?P<secret>(?!\S{0,4}<redacted:)[^\s:=]\S{0,511})\s*", re.ASCII)
_PGPASS = re.compile(
    r"\s{0,40}(?=[^\s:]{0,200}[A-Za-z*.])[^\s:/]{1,200}:(?:[0-9]{1,5}|\*):[^\s:/]{1,100}:[^\s:]{1,100}:"
    r"(?P<secret>(?!<redacted:)[^\s]{1,512})",
    re.ASCII,
)


def placed(line: str, low: str) -> Iterator[Span]:
    """The spans of secrets in `line` that are known by their place; `low` is the line in lower case."""
    if "://" in line:
        yield from _urls(line)
    has_flags = " -" in line or '"-' in line or "'-" in line
    programs = _BY_PROGRAM if has_flags else _WITHOUT_FLAGS
    from_where: dict[str, int] = {}
    for program, patterns in programs:
        at = low.find(program)
        if at >= 0:
            for pattern in patterns:
                from_where[pattern] = min(at, from_where.get(pattern, at))
    for pattern, at in from_where.items():
        for found in compiled(pattern).finditer(line, at):
            if is_secret_value("password", found["secret"]):
                yield found.span("secret")
    if "password" in low:
        yield from _words_before(line, low)
    if line.count(":") >= 4 and (fields := _PGPASS.match(line)) is not None:
        yield fields.span("secret")


def _words_before(line: str, low: str) -> Iterator[Span]:
    if ("login" in low and (found := _NETRC.search(line)) is not None) or (
        (found := _NETRC_ALONE.fullmatch(line)) is not None and is_secret_value("password", found["secret"])
    ):
        yield found.span("secret")
    if "password-stdin" in low and (found := _PIPED_LOGIN.search(line)) is not None:
        yield found.span("secret")


def _urls(line: str) -> Iterator[Span]:
    at = 0
    while (at := line.find("://", at)) >= 0:
        login = _LOGIN_IN_URL.match(line, at) or _TOKEN_AS_USER.match(line, at)
        at += 3
        if login is None:
            continue
        start, end = login.span("secret")
        next_url = line.find("://", start, end)
        if next_url >= 0:  # greedy for an @ in the password, but not into the next URL
            end = line.rfind("@", start, next_url)
        value = line[start:end]
        if end > start and not _PORT_AND_PATH.match(value) and is_secret_value("password", value):
            yield start, end
