"""The environment variables: names, types and defaults. What each is for stands in docs/configuration.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.fields import FieldInfo

from kubeai_bot.domain.policy import Mode
from kubeai_bot.settings.values import (
    SLACK_API,
    Address,
    AgentName,
    AppToken,
    BotToken,
    CloudLocation,
    CommaList,
    DatabaseUrl,
    Duration,
    KubeGroups,
    KubeUserName,
    Lower,
    ModifyMode,
    NamedUrls,
    PrivateUrl,
    SchemaName,
    Secret,
    ServerUrl,
    SlackApiUrl,
    SlackUserIds,
    Upper,
    Word,
)


def _var(default: Any, wanted: str) -> Any:
    """A field for one variable; `wanted` completes the words "give …" of a fault."""
    return Field(default, description=wanted)


class Variables(BaseModel):
    """A field's variable is its name in capitals. Text that is required has the default ""."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    slack_bot_token: BotToken = _var(SecretStr(""), "the bot token of the Slack app, which starts with xoxb-")
    slack_app_token: AppToken | None = _var(None, "the app-level token of the Slack app, which starts with xapp-")
    slack_signing_secret: Secret | None = _var(None, "the signing secret of the Slack app (Basic Information)")
    slack_api_url: SlackApiUrl = _var(SLACK_API, f"{SLACK_API} or the address of a simulator on this machine")
    listen_address: Address = _var("0.0.0.0:8888", "host:port, an IPv6 host in brackets")

    llm_provider: Annotated[Literal["openai", "azure", "gemini", "vertex"], Lower] = _var(
        "openai", "openai, azure, gemini or vertex"
    )
    model_id: Word = _var("", "the model's id as the provider writes it (with azure the deployment's name)")
    openai_api_key: Secret | None = _var(None, "an API key")
    openai_base_url: ServerUrl | None = _var(None, "the http or https URL of an OpenAI-compatible server")
    azure_openai_endpoint: PrivateUrl | None = _var(None, "the resource's URL, like https://NAME.openai.azure.com")
    azure_openai_api_key: Secret | None = _var(None, "the resource's API key")
    azure_openai_api_version: Word | None = _var(None, "an API version, like 2024-10-21")
    gemini_api_key: Secret | None = _var(None, "an API key")
    google_gemini_base_url: PrivateUrl | None = _var(None, "the https URL of what answers for the Gemini API")
    google_cloud_project: Word | None = _var(None, "the id of a Google Cloud project")
    google_cloud_location: CloudLocation = _var("global", "a Google Cloud location, like europe-west1")
    google_vertex_base_url: PrivateUrl | None = _var(None, "the https URL of what answers for Vertex AI")

    kubeconfig: str | None = _var(None, "the path of a kubeconfig file")
    kube_contexts: CommaList = _var((), "names of kubeconfig contexts with commas between them")

    auth_method: Annotated[Literal["NONE", "MAPPING"], Upper] = _var(
        "NONE", "NONE or MAPPING (OIDC and SAML are not available in this version yet)"
    )
    shared_user: KubeUserName = _var("kubeai-shared", "a Kubernetes user name outside the system: space")
    shared_groups: KubeGroups = _var(
        ("kubeai-readers",), "Kubernetes groups outside the system: space with commas between them"
    )
    impersonate: bool = _var(True, "true or false")
    allowed_users: SlackUserIds = _var((), "Slack user ids like U012ABCDEF with commas between them")
    allow_guests: bool = _var(False, "true or false")
    allow_external: bool = _var(False, "true or false")
    modify_resources: ModifyMode = _var(Mode.NONE, "none, allow or auto")
    approval_ttl: Duration | None = _var(None, "a time like 90m, 24h or 7d")
    allow_exec: bool = _var(False, "true or false")

    max_iterations: Annotated[int, Field(ge=1)] = _var(20, "a whole number of at least 1")
    turn_deadline: Annotated[int, Field(ge=1)] = _var(600, "a whole number of seconds, at least 1")

    session_type: Annotated[Literal["memory", "filesystem", "postgres"], Lower] = _var(
        "memory", "memory, filesystem or postgres"
    )
    database_url: DatabaseUrl | None = _var(None, "a URL that begins with postgres:// or postgresql://")
    database_url_file: Path | None = _var(None, "the path of a file that holds DATABASE_URL")
    database_migration_url: DatabaseUrl | None = _var(None, "a URL that begins with postgres:// or postgresql://")
    database_schema: SchemaName | None = _var(None, "a schema's name: lower-case letters, digits and underscores")
    database_pool_size: Annotated[int, Field(ge=2, le=200)] = _var(10, "a whole number from 2 to 200")
    sessions_dir: Path | None = _var(None, "a directory")
    session_ttl: Duration | None = _var(None, "a time like 90m, 24h or 7d")
    retention_days: Annotated[int, Field(ge=1)] | None = _var(None, "a whole number of days, at least 1")
    session_limit: Annotated[int, Field(ge=1)] | None = _var(None, "a whole number of sessions, at least 1")
    session_message_limit: Annotated[int, Field(ge=100)] | None = _var(None, "a whole number of at least 100")
    session_cache_size: Annotated[int, Field(ge=0)] = _var(256, "a whole number of sessions, 0 for none")
    mcp_servers: NamedUrls | None = _var(None, "name=url pairs with commas between them")
    skills_dir: Path | None = _var(None, "a directory")
    audit_file: Path | None = _var(None, "the path of a file")
    audit_key: Secret | None = _var(None, "a secret of at least 32 characters")
    audit_retention_days: Annotated[int, Field(ge=1)] | None = _var(None, "a whole number of days, at least 1")
    config_file: Path | None = _var(None, "the path of a YAML file")

    agent_name: AgentName = _var("kubeai", "up to 40 letters, digits, spaces, dots and hyphens")
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Upper] = _var(
        "INFO", "DEBUG, INFO, WARNING or ERROR"
    )
    log_format: Annotated[Literal["json", "console"], Lower] = _var("json", "json or console")

    @classmethod
    def known(cls) -> Mapping[str, FieldInfo]:
        """Every environment variable by name."""
        return {name.upper(): field for name, field in Variables.model_fields.items()}
