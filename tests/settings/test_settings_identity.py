"""Which settings of identity go together."""

from __future__ import annotations

import pytest

from kubeai_bot.errors import ConfigError
from kubeai_bot.settings.environment import Settings

PEOPLE = """
identity:
  users:
    - slack: U0MIA
      user: mia
      clusters:
        prod: {user: mia-prod}
clusters:
  default: prod
"""

LAPTOP = {"IMPERSONATE": "false", "ALLOWED_USERS": "U0MIA"}


def only_fault(environ) -> str:
    with pytest.raises(ConfigError) as caught:
        Settings.load(environ)
    (fault,) = caught.value.faults
    return fault


def test_mapping_works_with_people_in_the_file(working, config_file):
    settings = Settings.load(working | {"AUTH_METHOD": "MAPPING", "CONFIG_FILE": config_file(PEOPLE)})
    assert settings.config.identity.users[0].slack == "U0MIA"
    assert settings.warnings == ()


def test_mapping_needs_the_file(working):
    assert only_fault(working | {"AUTH_METHOD": "MAPPING"}).startswith("AUTH_METHOD=MAPPING needs CONFIG_FILE")


@pytest.mark.parametrize("text", ["", "identity:\n", "identity: {users: []}", "identity: {contact: x}"])
def test_mapping_needs_people_in_the_file(working, config_file, text):
    fault = only_fault(working | {"AUTH_METHOD": "MAPPING", "CONFIG_FILE": config_file(text)})
    assert fault.startswith("AUTH_METHOD=MAPPING needs people")


def test_people_who_would_not_be_mapped_are_refused(working, config_file):
    fault = only_fault(working | {"CONFIG_FILE": config_file(PEOPLE)})
    assert "set AUTH_METHOD=MAPPING" in fault


def test_a_file_that_cannot_be_read_is_the_only_fault(working):
    fault = only_fault(working | {"AUTH_METHOD": "MAPPING", "CONFIG_FILE": "/nonexistent/config.yaml"})
    assert fault == "CONFIG_FILE: /nonexistent/config.yaml cannot be read: No such file or directory"


@pytest.mark.parametrize("name", ["SHARED_USER", "SHARED_GROUPS"])
def test_a_shared_identity_is_refused_where_it_has_no_effect(working, config_file, name):
    mapping = {"AUTH_METHOD": "MAPPING", "CONFIG_FILE": config_file(PEOPLE), name: "x"}
    assert only_fault(working | mapping).startswith(f"{name} has no effect here")
    assert only_fault(working | LAPTOP | {name: "x"}).startswith(f"{name} has no effect here")


@pytest.mark.parametrize("text", ["clusters: {default: lab}", PEOPLE.replace("prod:", "prd:")])
def test_clusters_of_the_file_must_be_among_the_contexts(working, config_file, text):
    environ = {"CONFIG_FILE": config_file(text), "KUBE_CONTEXTS": "prod,staging"}
    if "users" in text:
        environ["AUTH_METHOD"] = "MAPPING"
    fault = only_fault(working | environ)
    assert "but KUBE_CONTEXTS has prod, staging" in fault


def test_a_laptop_may_use_its_own_credentials_with_a_warning(working):
    settings = Settings.load(working | LAPTOP)
    assert settings.impersonate is False
    (warning,) = settings.warnings
    assert warning.startswith("IMPERSONATE=false")


def test_without_impersonation_the_people_must_be_named(working):
    assert "ALLOWED_USERS" in only_fault(working | {"IMPERSONATE": "false"})


def test_nothing_but_commas_names_nobody(working):
    fault = only_fault(working | {"IMPERSONATE": "false", "ALLOWED_USERS": ",,"})
    assert fault.startswith("ALLOWED_USERS cannot be used")


def test_without_impersonation_there_is_no_http_mode(working):
    del working["SLACK_APP_TOKEN"]
    fault = only_fault(working | LAPTOP | {"SLACK_SIGNING_SECRET": "5ec4e7"})
    assert fault.startswith("IMPERSONATE=false works in Socket Mode only")


def test_without_impersonation_nobody_is_mapped(working, config_file):
    fault = only_fault(working | LAPTOP | {"AUTH_METHOD": "MAPPING", "CONFIG_FILE": config_file(PEOPLE)})
    assert "exclude one another" in fault


@pytest.mark.parametrize(
    ("name", "who"), [("ALLOW_GUESTS", "guests"), ("ALLOW_EXTERNAL", "people from other organisations")]
)
def test_strangers_under_the_shared_identity_are_a_warning(working, name, who):
    (warning,) = Settings.load(working | {name: "true"}).warnings
    assert warning == f"AUTH_METHOD=NONE lets {who} see all that kubeai-shared may see."


def test_changes_without_asking_are_a_warning(working):
    (warning,) = Settings.load(working | {"MODIFY_RESOURCES": "auto"}).warnings
    assert warning.startswith("MODIFY_RESOURCES=auto")
