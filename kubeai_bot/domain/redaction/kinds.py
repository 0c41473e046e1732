"""The kinds of secret that redaction finds.

| kind | found by | example of the place |
| --- | --- | --- |
| Kubernetes Secret data | `kind: Secret`, also in lists, text, `last-applied-configuration` | `data.password` |
| Helm release record | gzip in base64 (`H4sI…`), or type `helm.sh/release.v1` | Secret or ConfigMap `data.release` |
| environment variable | secret-like name | `env: [{name: DB_PASSWORD, value: …}]` |
| command-line flag | secret-like flag, or a known program's short flag | `--password=…`, `mysql -p…` |
| login command line | program and flag | `docker login -p …`, `echo … \\| … --password-stdin` |
| assignment in a file or log | secret-like key before `=` or `:` | properties, ini, YAML, JSON, `.env` |
| .netrc | `login … password …` | |
| .pgpass | five fields with `:` | `host:5432:db:user:…` |
| .npmrc | `_authToken`, `_auth`, `_password` | |
| docker config | `auth`, `identitytoken`, base64 of `user:password` | `.dockerconfigjson` |
| password hash | crypt, bcrypt, apr1, argon2, `{SHA}` prefix | htpasswd |
| JWT | three base64url parts, the first a JSON header | ServiceAccount token |
| Authorization header | `Bearer`, `Basic`, `Token`, `Digest` | request logs |
| cookie | `Cookie:` and `Set-Cookie:` headers | request logs |
| URL with password | `scheme://user:…@host`, a long token as user | postgres, mysql, redis, amqp, https |
| connection string | `Password=…;`, `AccountKey=…;`, `user/…@host` | ADO.NET, JDBC, Azure, Oracle |
| private key | PEM (RSA, EC, OpenSSH, PGP, encrypted), also cut or escaped | `-----BEGIN … PRIVATE KEY-----` |
| PuTTY private key | `Private-Lines:` | .ppk |
| age identity | `AGE-SECRET-KEY-1…` | |
| hexadecimal private key | long hex after a secret-like name | `private key: 0x…` |
| AWS access key id | `AKIA…`, `ASIA…` | |
| AWS secret access key | its name, or 40 mixed base64 characters by themselves | credentials file |
| GCP service account | `private_key`, `private_key_id` | key JSON |
| Google API key, OAuth token | `AIza…`, `ya29.…`, `GOCSPX-…` | |
| Azure SAS | `sig=…`, `SharedAccessSignature` | |
| Azure storage key, client secret | `AccountKey=…`, 86 characters and `==`; `…8Q~…` | |
| GitHub token | `ghp_…`, `gho_…`, `ghs_…`, `github_pat_…` | |
| GitLab token | `glpat-…`, `glrt-…`, `gldt-…` and siblings | |
| Slack token | `xoxb-…`, `xoxp-…`, `xapp-…` and siblings | |
| Slack and Discord webhook, Teams | the URL's secret path | `hooks.slack.com/services/…` |
| Stripe key | `sk_live_…`, `rk_live_…`, `whsec_…` | |
| OpenAI, Anthropic and other model keys | `sk-…`, `sk-ant-…`, `hf_…`, `gsk_…` | |
| npm, PyPI, RubyGems, Docker Hub token | `npm_…`, `pypi-…`, `rubygems_…`, `dckr_pat_…` | |
| SendGrid, Twilio, Mailgun key | `SG.…`, `SK` or `AC` and 32 hex, `key-…` | |
| tokens of Vault, Grafana, Sentry, DigitalOcean, Linear, Shopify, Square, … | prefix | `hvs.…`, `glsa_…` |
| kubeconfig | `client-key-data`, `token`, `password` | |
| bootstrap token | six and sixteen characters | `abcdef.0123456789abcdef` |
| base64 of any of these | decoded once and searched | |

Out of scope: a password in plain prose without a name before it, or one that is an ordinary word after a colon in a
sentence; secrets split over several messages, encrypted, compressed or encoded twice; what stands in pictures.
Kept: keys, metadata, names of Secrets and pods, references (`secretKeyRef`, `*_FILE`, `SECRET_NAME`, `$(VAR)`, paths),
image digests, uids, resource versions, certificates and public keys, checksums, git commits, addresses, times.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """A secret that starts with one of `prefixes`, in this spelling; `tail` is what follows."""

    kind: str
    prefixes: tuple[str, ...]
    tail: str


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Another secret with a look of its own. The pattern's group `secret`, else all of it, is the secret."""

    kind: str
    anchors: tuple[str, ...]
    """Lower-case literals; a text without any of them has no such secret."""
    pattern: str


def _token(kind: str, prefixes: str, tail: str) -> Token:
    return Token(kind, tuple(prefixes.split()), tail)


def _shape(kind: str, anchors: str, *pattern: str) -> Shape:
    return Shape(kind, tuple(anchors.split(",")), "".join(pattern))


# Each quantifier is bounded, or takes all that it can at once and cannot fail afterwards, so that time is linear.

TOKENS: tuple[Token, ...] = (
    _token("JWT", "eyJ", r"[A-Za-z0-9_-]{8,2048}(?:\.[A-Za-z0-9_-]{2,}){1,4}\.?"),
    _token("AWS access key id", "AKIA ASIA ABIA ACCA", r"[A-Z0-9]{16}(?![A-Z0-9])"),
    _token("Google API key", "AIza", r"[\w-]{30,45}"),
    _token("Google OAuth token", "ya29. GOCSPX- 1//0", r"[\w.-]{20,}"),
    _token("GitHub token", "ghp_ gho_ ghs_ ghu_ ghr_ github_pat_", r"[A-Za-z0-9_]{20,}"),
    _token(
        "GitLab token", "glpat- glrt- gldt- glcbt- glptt- glft- glimt- glagent- gloas- glsoat- glffct-", r"[\w.-]{15,}"
    ),
    _token("Slack token", "xoxa- xoxb- xoxc- xoxd- xoxe- xoxo- xoxp- xoxr- xoxs- xapp- xwfp-", r"[\w%-]{8,}"),
    _token("Slack token", "xoxe.", r"xox[a-z]-[\w%-]{8,}"),
    _token("Stripe key", "sk_live_ sk_test_ rk_live_ rk_test_ pk_live_ pk_test_ whsec_", r"[\w+/=]{10,}"),
    _token("model key", "sk-", r"(?:(?:ant|proj|svcacct|admin|or)-)?(?=[\w-]{0,40}[0-9A-Z])[\w-]{20,}"),
    _token("model key", "hf_ gsk_ r8_ xai- pplx- nvapi-", r"[\w-]{30,}"),
    _token("package registry token", "npm_ pypi- rubygems_ dckr_pat_ dckr_oat_", r"[\w-]{24,}"),
    _token("SendGrid key", "SG.", r"[\w-]{16,32}\.[\w-]{32,64}"),
    _token("Twilio key", "SK AC", r"[0-9a-f]{32}(?![0-9A-Za-z])"),
    _token("Mailgun key, Databricks token", "key- dapi", r"[0-9a-f]{32}(?![0-9A-Za-z])"),
    _token("Vault token", "hvs. hvb. hvr.", r"[\w-]{20,}"),
    _token("Doppler token", "dp.", r"(?:pt|st|ct|sa|scim|audit)\.[\w.-]{20,}"),
    _token(
        "vendor token",
        "glsa_ glc_ sntrys_ sntryu_ dop_v1_ doo_v1_ dor_v1_ lin_api_ shpat_ shpca_ shppa_ shpss_ sq0atp- sq0csp- "
        "sq0idp- ATATT3 pul- tskey- NRAK- NRJS- ntn_ figd_ lsv2_ fo1_",
        r"[\w+/=-]{20,}",
    ),
)

_AUTHENTICATION_SCHEME = r"(?:(?i:token|apikey|digest|negotiate|splunk|aws4-hmac-sha256|key|genie\w*)\s{1,4})?+"
_NOT_YET = r"(?!<redacted:)"
"""What may stand before it is possessive: giving it back would make it, and the marker behind it, a secret again."""

SHAPES: tuple[Shape, ...] = (
    _shape("Azure client secret", "q~", r"(?<![\w~.-])[\w~.-]{3}[0-9]Q~[\w~.-]{31,34}(?![\w~.-])"),
    _shape("Azure SAS", "sig=", r"(?i:[?&;\"' ]|^|\\u0026|amp;)(?i:sig)=(?P<secret>[\w%+/=-]{20,})"),
    _shape("Azure storage key", "==", r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}=="),
    _shape(
        "webhook",
        "hooks.slack.com,discord.com/api,discordapp.com/api,webhook.office.com",
        r"(?:hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/",
        r"|webhook\.office\.com/webhookb2/)(?P<secret>[\w/@.-]{12,})",
    ),
    _shape("Mailchimp key", "-us", r"(?<![0-9A-Za-z])[0-9a-f]{32}-us[0-9]{1,2}(?![0-9A-Za-z])"),
    _shape("HashiCorp token", ".atlasv1.", r"(?<![0-9A-Za-z])[A-Za-z0-9]{14}\.atlasv1\.[\w-]{30,}"),
    _shape("age identity", "age-secret-key", r"(?i:AGE-SECRET-KEY-1)(?i:[0-9A-Z]{20,})"),
    _shape(
        "password hash", "$", r"\$(?:apr1|2[abxy]|1|5|6|y|gy|7|argon2(?:id|i|d)|scrypt|pbkdf2[\w-]*)\$[\w./$=,+-]{16,}"
    ),
    _shape("password hash", "{sha,{ssha", r"\{S?SHA(?:256|512)?\}[A-Za-z0-9+/]{20,}={0,2}"),
    # An event is called by an object's name and sixteen hexadecimal digits of a time.
    _shape(
        "bootstrap token",
        ".",
        r"\.(?<=[a-z0-9]{6}\.)(?<![\w./:@-][a-z0-9]{6}\.)(?=[a-z]{0,15}[0-9])(?!1[5-9][0-9a-f]{14}(?![a-z0-9]))",
        r"(?!(?<=[a-z]{6}\.)(?<![a-f]{6}\.)[0-9a-f]{16}(?![a-z0-9]))(?P<secret>[a-z0-9]{16})(?![\w/-])(?!\.\w)",
    ),
    _shape(
        "Authorization header",
        "bearer",
        r"(?i:\bbearer)(?:\s|%20|\\u0020){1,4}",
        r"(?P<secret>(?=[^\s\"',;]{0,200}[0-9._~+/=-]|[^\s\"',;]{20})[A-Za-z0-9._~+/=-]{8,})",
    ),
    _shape(
        "Authorization header",
        "basic",
        r"(?i:\bbasic)\s{1,4}(?P<secret>(?=[A-Za-z0-9+/_-]{0,200}[A-Z0-9=+/])[A-Za-z0-9+/_-]{8,}={0,2})(?![\w-])",
    ),
    _shape(
        "Authorization header",
        "authorization",
        r"(?i:authorization)(?:\\{0,8}[\"'])?\s{0,4}[:=]\s{0,4}+(?:\\{0,8}[\"'\[])?+\s{0,4}+(?!(?i:bearer|basic)\s)",
        _AUTHENTICATION_SCHEME + r"(?P<secret>" + _NOT_YET + r"[^\s\"'\\]{6,}[^\"'\\\r\n]{0,2000})",
    ),
    _shape(
        "cookie",
        "cookie",
        r"(?i:\b(?:set-)?cookie)(?:\\{0,8}[\"'])?\s{0,4}[:=]\s{0,4}+(?:\\{0,8}[\"'\[])?+",
        r"(?P<secret>" + _NOT_YET + r"[^\s\"'\\=;]{1,128}=[^\"'\\\r\n]{1,8000})",
    ),
    _shape(
        "hexadecimal private key",
        "private,signing,encryption,master,secret",
        r"(?i:private|secret|signing|encryption|master)(?i:[ _-]?key)[\"':=\s]{0,8}(?i:is|was|=)?[\"':\s]{0,8}",
        r"(?P<secret>(?:0x)?[0-9a-fA-F]{32,})",
    ),
    _shape(
        "key in prose",
        "secret key,api key,access key,secret-key,secret_key",
        r"(?i:secret|api|access)[ _-](?i:access )?(?i:key)[\"'`:=\s]{1,8}",
        r"(?P<secret>(?=[\w+/-]{0,100}[0-9])[\w+/-]{20,}={0,2})",
    ),
    _shape(
        "secret in prose",
        "password ,passwd ,passphrase ,passcode ,pwd ,token ,secret ,api key ",
        r"(?i:\b(?:password|passwd|passphrase|passcode|pwd|token|secret|api key)\s{1,3}(?:is|was|=|:)\s{1,3}+)",
        r"[\"'`*]{0,3}+",
        r"(?P<secret>" + _NOT_YET + r"(?=[^\s\"'`]{0,100}[0-9])[^\s\"'`]{6,}[^\s\"'`*.,;:!?)])",
    ),
    _shape(
        "Oracle login",
        "jdbc:oracle",
        r"(?i:jdbc:oracle:\w{1,10}):[\w$#]{1,60}/(?P<secret>" + _NOT_YET + r"[^\s\"'@]{1,200})@",
    ),
)
"""Order does not matter: overlapping finds are joined."""
