"""Reading the environment: what works, what does not, and what is said about it."""

from __future__ import annotations

import copy
import pickle

import pytest

from kubeai_bot.domain.policy import Mode
from kubeai_bot.errors import ConfigError
from kubeai_bot.settings.environment import Settings


def faults_of(environ, env_file=None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Settings.load(environ, env_file)
    return list(caught.value.faults)


def only_fault(environ) -> str:
    (fault,) = faults_of(environ)
    return fault


# --- what works ---


def test_the_least_that_works_has_the_documented_defaults(working):
    settings = Settings.load(working)
    assert settings.slack_bot_token.get_secret_value() == "xoxb-1-token"
    assert settings.uses_socket_mode
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.listen_host_port == ("0.0.0.0", 8888)
    assert (settings.auth_method, settings.impersonate) == ("NONE", True)
    assert (settings.shared_user, settings.shared_groups) == ("kubeai-shared", ("kubeai-readers",))
    assert settings.modify_resources is Mode.NONE
    assert (settings.max_iterations, settings.turn_deadline) == (20, 600)
    assert settings.warnings == ()


def test_the_process_environment_is_not_read_behind_the_callers_back(working, monkeypatch):
    monkeypatch.setenv("AGENT_NAME", "from-the-process")
    assert Settings.load(working).agent_name == "kubeai"


def test_values_are_trimmed_and_choices_may_be_in_any_case(working):
    settings = Settings.load(
        working
        | {"SLACK_BOT_TOKEN": " xoxb-2 \n", "MODIFY_RESOURCES": "Auto", "AUTH_METHOD": "none", "LOG_LEVEL": "debug"}
    )
    assert settings.slack_bot_token.get_secret_value() == "xoxb-2"
    assert (settings.modify_resources, settings.auth_method, settings.log_level) == (Mode.AUTO, "NONE", "DEBUG")


def test_empty_variables_count_as_unset(working):
    assert Settings.load(working | {"AGENT_NAME": "", "SLACK_SIGNING_SECRET": "  "}).agent_name == "kubeai"


def test_lists_are_split_at_commas_without_empty_and_repeated_parts(working):
    settings = Settings.load(working | {"ALLOWED_USERS": " U0MIA,U0OMAR ,,U0MIA", "KUBE_CONTEXTS": "prod, lab"})
    assert settings.allowed_users == ("U0MIA", "U0OMAR")
    assert settings.kube_contexts == ("prod", "lab")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:9000", ("::1", 9000)),
        ("bot.example:65535", ("bot.example", 65535)),
    ],
)
def test_listen_addresses_have_a_host_and_a_port(working, text, expected):
    assert Settings.load(working | {"LISTEN_ADDRESS": text}).listen_host_port == expected


def test_a_signing_secret_means_events_over_http(working):
    del working["SLACK_APP_TOKEN"]
    assert not Settings.load(working | {"SLACK_SIGNING_SECRET": "5ec4e7"}).uses_socket_mode


# --- secrets ---


def test_no_secret_shows_in_the_settings_their_copies_or_their_json(working):
    settings = Settings.load(working)
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()} {copy.deepcopy(settings)!r}"
    for secret in ("xoxb-1-token", "xapp-1-token", "sk-the-key"):
        assert secret not in shown
        assert secret in settings.secret_texts()
    assert pickle.dumps(settings.secret_texts())


@pytest.mark.parametrize(
    "environ",
    [
        {"SLACK_BOT_TOKEN": "xoxp-hunter2"},
        {"SLACK_APP_TOKEN": "xoxb-hunter2"},
        {"SLACK_BOT_TOKEN": "xoxb-hunter2 extra"},
        {"OPENAI_API_KEY": "sk hunter2"},
        {"OPENAI_API_KEY": "sk-hunter2…"},
        {"SLACK_BOT_TOKEN": "xoxb-hunter2…"},
        {"DATABASE_URL": "postgres://me:hunter2@db/x"},
        {"OPENAI_BASE_URL": "https://me:hunter2@models.example/v1"},
        {"SLACK_API_URL": "https://hunter2@slack.com/api/"},
        {"SLACK_CLIENT_SECRET": "hunter2"},
        {"GEMINI_API_KEY": "hunter2"},
    ],
    ids=lambda environ: next(iter(environ)),
)
def test_no_fault_shows_a_secret(working, environ):
    with pytest.raises(ConfigError) as caught:
        Settings.load(working | environ)
    assert "hunter2" not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert next(iter(environ)) in str(caught.value)


# --- faults ---


def test_all_faults_are_listed_at_once(config_file):
    faults = faults_of(
        {
            "SLACK_BOT_TOKEN": "xoxp-1",
            "MAX_ITERATIONS": "none",
            "LISTEN_ADDRESS": "8888",
            "MODIFY_RESOURCE": "auto",
            "DATABASE_URL": "postgres://db/x",
            "CONFIG_FILE": config_file("mcp: {a: 1}\nfoo: 2\n"),
        }
    )
    text = "\n".join(faults)
    for expected in (
        "SLACK_BOT_TOKEN cannot be used",
        "MAX_ITERATIONS=none cannot be used: give a whole number of at least 1.",
        "LISTEN_ADDRESS=8888 cannot be used",
        "MODIFY_RESOURCE is not a setting: did you mean MODIFY_RESOURCES?",
        "DATABASE_URL is only used with SESSION_TYPE=postgres",
        "MODEL_ID is not set",
        "Neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set",
        "OPENAI_API_KEY is not set",
        "config.yaml:1: mcp has no key 'a'",
        "config.yaml:2: there is no section 'foo'",
    ):
        assert expected in text
    assert len(faults) == 10
    assert all(fault.endswith((".", "?")) or "config.yaml:" in fault for fault in faults)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SLACK_BOT_TOKEN", "xoxb-"),
        ("SLACK_APP_TOKEN", "xoxb-1"),
        ("LISTEN_ADDRESS", "host:65536"),
        ("LISTEN_ADDRESS", "http://host:80"),
        ("LISTEN_ADDRESS", "::1:80"),
        ("LLM_PROVIDER", "claude"),
        ("MODEL_ID", "two words"),
        ("OPENAI_BASE_URL", "models.example/v1"),
        ("OPENAI_BASE_URL", "file:///etc/passwd"),
        ("SHARED_USER", "system:admin"),
        ("SHARED_GROUPS", "readers,system:masters"),
        ("IMPERSONATE", "maybe"),
        ("ALLOWED_USERS", "@mia"),
        ("ALLOWED_USERS", ","),
        ("KUBE_CONTEXTS", " , "),
        ("ALLOW_GUESTS", "some"),
        ("MODIFY_RESOURCES", "write"),
        ("MAX_ITERATIONS", "0"),
        ("MAX_ITERATIONS", "1.5"),
        ("TURN_DEADLINE", "-1"),
        ("AGENT_NAME", "<!channel>"),
        ("AGENT_NAME", "x" * 41),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_what_to_give(working, name, text):
    fault = only_fault(working | {name: text})
    assert fault.startswith(name)
    assert " cannot be used: give " in fault


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("AUTH_METHOD", "OIDC"),
        ("AUTH_METHOD", "SAML"),
    ],
)
def test_what_a_later_version_brings_is_refused_as_such(working, name, text):
    fault = only_fault(working | {name: text})
    assert fault.startswith(f"{name}={text} cannot be used")
    assert "not available in this version yet" in fault


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MODIFY_RESOURCE", "MODIFY_RESOURCES"),
        ("ALLOWED_USER", "ALLOWED_USERS"),
        ("ALOW_GUESTS", "ALLOW_GUESTS"),
        ("modify_resources", "MODIFY_RESOURCES"),
        ("KUBE_CONTEXT", "KUBE_CONTEXTS"),
        ("SESION_TYPE", "SESSION_TYPE"),
        ("MAX_ITERATION", "MAX_ITERATIONS"),
    ],
)
def test_a_misspelt_variable_is_not_silently_ignored(working, name, meant):
    assert only_fault(working | {name: "1"}) == f"{name} is not a setting: did you mean {meant}?"


def test_the_environment_of_others_is_left_alone(working):
    others = (
        "PATH HOME LANG XDG_SESSION_TYPE DESKTOP_SESSION KUBERNETES_SERVICE_HOST OPENAI_ORG_ID OPENAI_API_BASE "
        "OPENAI_API_TYPE GOOGLE_CLOUD_PROJECT GOOGLE_CLOUD_PROJECT_ID GOOGLE_CLOUD_REGION HTTPS_PROXY LOG_DIR "
        "SLACK_TOKEN AWS_PROFILE DATABASE_HOST KUBEAI_BOT_SERVICE_PORT OPENAI_API_KEY_2"
    )
    Settings.load(working | dict.fromkeys(others.split(), "1"))


# --- Slack ---


def test_both_transports_at_once_are_refused(working):
    assert "both set" in only_fault(working | {"SLACK_SIGNING_SECRET": "5ec4e7"})


@pytest.mark.parametrize("name", ["SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"])
def test_variables_that_switch_slacks_library_to_oauth_are_refused(working, name):
    assert only_fault(working | {name: "1.2"}).startswith(f"{name} is set")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:3000/api/",
        "http://localhost:3000/api",
        "http://[::1]:1/api/",
        "https://127.8.8.8/api/",
        "https://acme.slack.com/api/",
    ],
)
def test_a_slack_elsewhere_is_a_loud_warning_and_ends_in_a_slash(working, url):
    settings = Settings.load(working | {"SLACK_API_URL": url})
    assert settings.slack_api_url == url.rstrip("/") + "/"
    (warning,) = settings.warnings
    assert "NOT https://slack.com/api/" in warning


@pytest.mark.parametrize(
    "url",
    [
        "http://slack.com/api/",
        "https://slack.com.evil.example/api/",
        "https://evil-slack.com/api/",
        "https://evilslack.com/api/",
        "https://slack.com@evil.example/api/",
        "https://slack.com:secret@evil.example/",
        "https://evil.example\\.slack.com/api/",
        "https://evil.example#.slack.com/api/",
        "https://evil.example?.slack.com",
        "https://slack.com:8443/api/",
        "http://192.168.0.10:3000/api/",
        "http://10.0.0.1/",
        "http://0.0.0.0:3000/",
        "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/",
        "ftp://127.0.0.1/",
        "https://",
        "slack.com",
        "https://[::1",
        "http://127.0.0.1:99999/",
    ],
)
def test_the_token_goes_to_slack_or_stays_on_this_machine(working, url):
    fault = only_fault(working | {"SLACK_API_URL": url})
    assert fault.startswith("SLACK_API_URL")
    assert "cannot be used" in fault


# --- model ---

AZURE = {
    "LLM_PROVIDER": "azure",
    "AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com",
    "AZURE_OPENAI_API_KEY": "k",
    "AZURE_OPENAI_API_VERSION": "2024-10-21",
}


def test_azure_works_with_its_three_variables(working):
    del working["OPENAI_API_KEY"]
    assert Settings.load(working | AZURE).azure_openai_api_version == "2024-10-21"


@pytest.mark.parametrize("name", sorted(AZURE.keys() - {"LLM_PROVIDER"}))
def test_azure_needs_each_of_its_variables(working, name):
    del working["OPENAI_API_KEY"]
    environ = working | AZURE
    del environ[name]
    assert only_fault(environ).startswith(f"{name} is not set: LLM_PROVIDER=azure needs it.")


def test_an_azure_endpoint_is_never_reached_without_tls(working):
    del working["OPENAI_API_KEY"]
    fault = only_fault(working | AZURE | {"AZURE_OPENAI_ENDPOINT": "http://x.openai.azure.com"})
    assert fault.startswith("AZURE_OPENAI_ENDPOINT cannot be used")


GEMINI = {"LLM_PROVIDER": "gemini", "GEMINI_API_KEY": "k"}
VERTEX = {"LLM_PROVIDER": "vertex", "GOOGLE_CLOUD_PROJECT": "shop-prod"}


def test_gemini_works_with_its_key_alone(working):
    del working["OPENAI_API_KEY"]
    settings = Settings.load(working | GEMINI)
    assert (settings.google_gemini_base_url, settings.warnings) == (None, ())
    assert "k" in settings.secret_texts()


def test_vertex_works_with_its_project_alone(working):
    del working["OPENAI_API_KEY"]
    settings = Settings.load(working | VERTEX)
    assert (settings.google_cloud_project, settings.google_cloud_location) == ("shop-prod", "global")


@pytest.mark.parametrize(("environ", "name"), [(GEMINI, "GEMINI_API_KEY"), (VERTEX, "GOOGLE_CLOUD_PROJECT")])
def test_googles_providers_need_their_one_variable(working, environ, name):
    del working["OPENAI_API_KEY"]
    fault = only_fault(working | {"LLM_PROVIDER": environ["LLM_PROVIDER"]})
    assert fault.startswith(f"{name} is not set: LLM_PROVIDER={environ['LLM_PROVIDER']} needs it.")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("GOOGLE_GEMINI_BASE_URL", "http://gateway.example/"),
        ("GOOGLE_VERTEX_BASE_URL", "http://gateway.example/"),
        ("GOOGLE_CLOUD_LOCATION", "evil.example/#"),
    ],
)
def test_googles_addresses_are_never_reached_without_tls_and_no_other_hosts(working, name, text):
    assert only_fault(working | {name: text}).startswith(f"{name} cannot be used")


def test_an_own_server_needs_no_key(working):
    del working["OPENAI_API_KEY"]
    assert Settings.load(working | {"OPENAI_BASE_URL": "http://localhost:11434/v1"}).warnings == ()


def test_an_own_server_without_tls_is_a_warning_unless_it_is_here(working):
    (warning,) = Settings.load(working | {"OPENAI_BASE_URL": "http://models.example/v1"}).warnings
    assert "unencrypted" in warning


@pytest.mark.parametrize(("name", "owner"), [("AZURE_OPENAI_API_KEY", "azure"), ("GEMINI_API_KEY", "gemini")])
def test_another_providers_variables_are_refused(working, name, owner):
    assert only_fault(working | {name: "k"}).startswith(f"{name} belongs to LLM_PROVIDER={owner}")


def test_openai_variables_are_refused_with_azure(working):
    assert only_fault(working | AZURE).startswith("OPENAI_API_KEY belongs to LLM_PROVIDER=openai")


def test_mcp_servers_come_from_variables_and_from_the_file(working, config_file):
    file = config_file("mcp:\n  servers:\n    - name: local\n      command: [server, --flag]\n      reads: ['get_*']\n")
    environ = working | {
        "MCP_SERVERS": "docs=https://mcp.example.com/mcp, my-git=http://127.0.0.1:1/mcp",
        "MCP_AUTH_DOCS": "Authorization=Bearer abcdefgh12345678, X-Team=shop",
        "CONFIG_FILE": file,
    }
    settings = Settings.load(environ)
    docs, git, local = [entry.server for entry in settings.mcp_entries]
    assert (docs.url, dict(docs.headers)) == (
        "https://mcp.example.com/mcp",
        {"Authorization": "Bearer abcdefgh12345678", "X-Team": "shop"},
    )
    assert git.transport == "http"
    assert (local.transport, local.command, local.reads) == ("stdio", ("server", "--flag"), ("get_*",))
    assert "Bearer abcdefgh12345678" in settings.secret_texts()
    assert "abcdefgh12345678" not in repr(settings)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"MCP_SERVERS": "docs"}, "MCP_SERVERS=docs cannot be used: give name=url pairs with commas between them."),
        (
            {"MCP_SERVERS": "docs=ftp://x"},
            "MCP_SERVERS: server 'docs' cannot be used: a URL must be http:// or https://",
        ),
        (
            {"MCP_SERVERS": "d=http://x/mcp", "MCP_AUTH_D": "Bearer 12345678"},
            "MCP_AUTH_D cannot be used: give Header=value",
        ),
        ({"MCP_AUTH_GONE": "A=b"}, "MCP_AUTH_GONE belongs to no server of MCP_SERVERS"),
        ({"AUDIT_KEY": "short"}, "AUDIT_KEY is too short"),
    ],
)
def test_mcp_and_audit_settings_that_cannot_work_are_refused(working, changes, expected):
    assert only_fault(working | changes).startswith(expected)


def test_a_server_in_both_places_is_refused(working, config_file):
    file = config_file("mcp:\n  servers:\n    - name: docs\n      url: https://x/mcp\n")
    fault = only_fault(working | {"MCP_SERVERS": "docs=https://y/mcp", "CONFIG_FILE": file})
    assert fault == "MCP_SERVERS and CONFIG_FILE both name the MCP server 'docs': keep one."


def test_the_rules_of_the_policy_reach_the_domain(working, config_file):
    file = config_file("policy:\n  rules:\n    - {name: r, namespaces: [pay*], second_person: true, ceiling: Allow}\n")
    policy = Settings.load(working | {"CONFIG_FILE": file, "MODIFY_RESOURCES": "auto"}).policy
    assert policy.mode is Mode.AUTO
    (rule,) = policy.rules
    assert (rule.namespaces, rule.second_person, rule.ceiling, rule.mode) == (("pay*",), True, Mode.ALLOW, None)
