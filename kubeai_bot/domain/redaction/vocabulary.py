"""The words that names of secrets are made of, and those that say a name is about something else."""

from __future__ import annotations

PASSWORDS = frozenset({
    "dbpass", "dbpassword", "mysqlpwd", "passcode", "passphrase", "passwd", "password", "passwords", "passwort",
    "passwrd", "pgpass", "pgpassword", "pwd", "rootpassword", "sshpass", "userpassword",
})  # fmt: skip
"""Words for a password, as one word of a name."""

SECRETS = frozenset({
    "accesskey", "accesstoken", "apikey", "apitoken", "appsecret", "authkey", "authtoken", "bearertoken",
    "clientsecret", "connectionstring", "connstr", "cookie", "credential", "credentials", "creds", "dsn",
    "encryptionkey", "idtoken", "jwtsecret", "keytab", "masterkey", "mnemonic", "privatekey", "refreshtoken",
    "secret", "secretaccesskey", "secretkey", "secrets", "secretstring", "signingkey", "token",
})  # fmt: skip
"""Words for other secrets."""

KEY_OWNERS = frozenset({
    "access", "account", "admin", "aes", "api", "app", "application", "auth", "client", "consumer", "cookie",
    "crypto", "decrypt", "deploy", "encrypt", "encryption", "fernet", "hmac", "ingest", "integration", "jwt",
    "license", "master", "private", "publishable", "read", "restricted", "root", "rsa", "secret", "server",
    "service", "session", "shared", "signing", "ssh", "storage", "subscription", "symmetric", "tls", "webhook",
    "write",
})  # fmt: skip
"""What stands before `key` in the name of a secret key."""

ABOUT = frozenset({
    "age", "alg", "algorithm", "annotation", "annotations", "at", "audience", "audiences", "bits", "bucket", "ca",
    "cache", "cert", "certificate", "checksum", "class", "cleaner", "cleanup", "controller", "count", "counts",
    "created", "crt", "days", "description", "digest", "dir", "directory", "disable", "disabled", "duration",
    "enable", "enabled", "encoding", "endpoint", "env", "error", "errors", "exists", "exp", "expiration", "expire",
    "expires", "expiry", "field", "fields", "file", "filename", "files", "fingerprint", "format", "generator",
    "hash", "header", "headers", "host", "hostname", "hours", "id", "identifier", "ids", "index", "interval",
    "invalid", "issuer", "keyref", "kind", "label", "labels", "last", "len", "length", "limit", "limits", "lookup",
    "manager", "max", "message", "method", "min", "minutes", "mode", "mount", "mountpath", "mounts", "name",
    "names", "namespace", "next", "operator", "optional", "path", "paths", "pem_file", "policy", "port", "prefix",
    "projection", "provider", "public", "publickey", "rate", "reason", "recovery", "ref", "refresh", "refs",
    "reloader", "request", "requests", "required", "reset", "resource", "resources", "review", "reviewer",
    "reviewrequest", "reviews", "role", "roles", "rotate", "rotation", "rule", "rules", "scope", "scopes",
    "seconds", "secretref", "selector", "server", "sha256", "size", "source", "sources", "state", "status", "store",
    "suffix", "sync", "syncer", "target", "template", "timeout", "title", "tokens", "total", "ttl", "type", "types",
    "update", "updated", "uri", "url", "usage", "usages", "used", "valid", "validation", "var", "verification",
    "version", "volume",
})  # fmt: skip
"""A name that ends in one of these speaks about a secret instead of holding it."""

ABOUT_ANYWHERE = frozenset({
    "automount", "checksum", "count", "expiration", "expires", "hash", "lifetime", "max", "min", "num", "public",
    "sha", "sha256", "timeout", "ttl",
})  # fmt: skip
"""And a name that has one of these anywhere."""

KEY_IN_SECRET = frozenset({
    "ca.crt", "data", "key", "password", "secret", "tls.crt", "tls.key", "token", "user", "username", "value",
})  # fmt: skip
"""Usual keys in a Secret: as a value they name a key."""

PAIRS = frozenset({
    ("connection", "string"), ("conn", "string"), ("conn", "str"), ("basic", "auth"), ("webhook", "url"),
    ("wallet", "seed"), ("seed", "phrase"), ("recovery", "code"), ("pin", "code"), ("otp", "seed"),
    ("amz", "signature"), ("key", "pass"), ("store", "pass"), ("http", "auth"), ("registry", "auth"),
})  # fmt: skip
"""Two last words that together promise a secret."""
