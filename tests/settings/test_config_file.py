"""CONFIG_FILE: references, schema, and faults that name file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubeai_bot.domain.identity import KubeUser
from kubeai_bot.errors import ConfigError
from kubeai_bot.settings.file import MAX_BYTES, read_config_file


@pytest.fixture
def read(config_file):
    def read(text: str, **environ: str):
        return read_config_file(Path(config_file(text)), environ)

    return read


@pytest.fixture
def faults(read):
    """The faults without the folder: `config.yaml:3: …`."""

    def faults(text: str, **environ: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            read(text, **environ)
        return [fault[fault.index("config.yaml") :] for fault in caught.value.faults]

    return faults


def contact(read, value: str, **environ: str) -> str:
    return read(f"identity:\n  contact: {value}\n", **environ).identity.contact


# --- what works ---


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "identity:\nmcp:\npolicy: {}\n", "\ufeffmodels: {}"])
def test_every_section_may_be_left_out_or_empty(read, text):
    config = read(text)
    assert config.identity.users == ()
    assert config.models.windows == {}


def test_people_have_a_kubernetes_user_and_others_on_single_clusters(read):
    config = read(
        """
identity:
  users:
    - slack: U0MIA
      user: mia
      groups: [devs, "0123"]
      clusters:
        prod: {user: mia-prod, groups: [readers]}
        lab: {user: mia-lab}
    - email: Omar@shop.example
      user: omar
"""
    )
    mia, omar = config.identity.users
    assert (mia.slack, mia.email, mia.kube) == ("U0MIA", None, KubeUser("mia", ("devs", "0123")))
    assert mia.per_cluster == (("prod", KubeUser("mia-prod", ("readers",))), ("lab", KubeUser("mia-lab")))
    assert (omar.slack, omar.email, omar.kube, omar.per_cluster) == (None, "Omar@shop.example", KubeUser("omar"), ())


# --- references ---


def test_a_variable_is_filled_in_wherever_text_stands(read):
    config = read(
        "identity:\n  users:\n    - {slack: '${ID}', user: 'u-${NAME}-${NAME}', groups: ['${G, devs}']}\n"
        "models: {windows: {m: '${WINDOW}'}}\nclusters: {default: '${C,x}'}",
        ID="U0MIA",
        NAME="mia",
        WINDOW="4096",
    )
    assert config.identity.users[0].kube == KubeUser("u-mia-mia", ("devs",))
    assert config.models.windows == {"m": 4096}
    assert config.clusters.default == "x"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${A}", "a"),
        ("${ A }", "a"),
        ("x${A}y${A}", "xaya"),
        ("${A, other}", "a"),
        ("${UNSET, other, and more}", "other, and more"),
        ("${EMPTY, other}", "other"),
        ("${UNSET,}", ""),
        ("$${A}", "${A}"),
        ("$A costs 5$ {A}", "$A costs 5$ {A}"),
        ("'${A}'", "a"),
        ('"${A}\\n"', "a\n"),
        ("|-\n    ${A}\n    b", "a\nb"),
        ("${REFERENCE}", "${A}"),
    ],
)
def test_references_are_filled_in_once(read, value, expected):
    assert contact(read, value, A="a", EMPTY="", REFERENCE="${A}") == expected


def test_a_value_cannot_bring_structure_with_it(read):
    assert contact(read, "${A}", A="x\nusers: [{slack: U0EVE}]") == "x\nusers: [{slack: U0EVE}]"


def test_an_unset_variable_is_named_with_file_and_line(faults):
    found = faults("identity:\n  users:\n    - slack: U0MIA\n      user: ${NAME}\n  contact: ${WHERE}\n", WHERE="")
    assert found == [
        "config.yaml:4: the environment variable NAME is not set, and there is no fallback",
        "config.yaml:5: the environment variable WHERE is not set, and there is no fallback",
    ]


@pytest.mark.parametrize("value", ["${}", "${1A}", "${A-b}", "${A", "${A${A}}", "${,x}", "${A b}"])
def test_a_malformed_reference_is_a_fault(faults, value):
    (fault,) = faults(f"identity:\n  contact: '{value}'\n", A="a")
    assert fault.startswith("config.yaml:2: a reference must look like ${VAR}")


def test_keys_are_never_filled_in(faults):
    (fault,) = faults("models:\n  windows:\n    '${A}': 4096\n", A="a")
    assert fault.startswith("config.yaml:3: variables are filled in in values only")


# --- faults with file and line ---

REFUSED = "is refused: names of the system: space are never impersonated"
USER = "identity:\n  users:\n    - slack: U0MIA\n      user: mia\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("idendity: {}\n", "1: there is no section 'idendity': use identity, mcp, policy, clusters, models"),
        (USER + "      grops: [a]\n", "5: identity.users[0] has no key 'grops'"),
        ("identity:\n  users:\n    - slack: U0MIA\n", "3: identity.users[0].user is missing"),
        (USER + "      groups: devs\n", "5: identity.users[0].groups: a list is wanted here"),
        (
            USER + "      groups:\n        - ok\n        - 123\n",
            "7: identity.users[0].groups[1]: text is wanted here (a number or date must be put in quotes)",
        ),
        (
            USER + "      groups:\n        - system:masters\n",
            f"6: identity.users[0].groups[0]: group 'system:masters' {REFUSED}",
        ),
        (
            USER + "      clusters:\n        prod:\n          user: System:admin\n",
            f"7: identity.users[0].clusters.prod.user: user 'System:admin' {REFUSED}",
        ),
        (
            USER + "      email: a@b\n",
            "3: identity.users[0]: name the person by `slack` (user id) or by `email`, one of the two",
        ),
        (
            "identity:\n  users:\n    - user: mia\n",
            "3: identity.users[0]: name the person by `slack` (user id) or by `email`, one of the two",
        ),
        (USER.replace("U0MIA", "mia"), "3: identity.users[0].slack: a Slack user id looks like U012ABCDEF"),
        (
            USER.replace("slack: U0MIA", "email: mia"),
            "3: identity.users[0].email: an e-mail address looks like mia@shop.example",
        ),
        (
            USER + "    - slack: U0MIA\n      user: x\n",
            "5: U0MIA stands in identity.users a second time (first on line 3)",
        ),
        ("mcp:\n  servers:\n    - name: a\n", "3: mcp.servers[0]: transport http needs a URL, and no command"),
        (
            "mcp:\n  servers:\n    - name: a\n      url: https://u:p@x/mcp\n",
            "3: mcp.servers[0]: a URL must be http:// or https://, with a host, without user, password and fragment",
        ),
        (
            "mcp:\n  servers:\n    - {name: a, url: 'https://x/mcp'}\n    - {name: A, url: 'https://y/mcp'}\n",
            "1: mcp: there are two servers named 'a'",
        ),
        ("\npolicy: [x]\n", "2: policy: keys with values are wanted here"),
        (
            "policy:\n  rules:\n    - name: r\n",
            (
                "3: policy.rules[0]: the rule 'r' decides nothing: "
                "give it mode, ceiling, never, always_ask, second_person or approvers"
            ),
        ),
        (
            "policy:\n  rules:\n    - name: r\n      mode: maybe\n",
            "4: policy.rules[0].mode: none, allow or auto is wanted here",
        ),
        (
            "policy:\n  rules:\n    - name: r\n      never: true\n      verbs: [scale]\n",
            (
                "5: policy.rules[0].verbs[0]: 'scale' is no verb of the Kubernetes API: "
                "use call, create, delete, deletecollection, get, list, patch, update, watch, or a pattern"
            ),
        ),
        (
            "policy:\n  rules:\n    - name: r\n      approvers:\n        - omar\n",
            (
                "5: policy.rules[0].approvers[0]: an approver is a Slack user id like U012ABCDEF, "
                "or group:NAME for a Kubernetes group"
            ),
        ),
        ("models:\n  windows:\n    m: big\n", "3: models.windows.m: a whole number is wanted here"),
        ("models:\n  windows:\n    m: 10\n", "3: models.windows.m: Input should be greater than or equal to 1024"),
        ("models:\n  windows: [1]\n", "2: models.windows: keys with values are wanted here"),
        ("clusters: prod\n", "1: clusters: keys with values are wanted here"),
        ("clusters:\n  default: a\n  default: b\n", "3: 'default' stands here a second time (first on line 2)"),
        ("clusters:\n  1: a\n", "2: a key must be text: put it in quotes"),
        ("clusters:\n  ? [a]\n  : b\n", "2: a key must be text: put it in quotes"),
        ("- a\n", "1: the file must hold sections, like `identity:`"),
        ("just text\n", "1: the file must hold sections, like `identity:`"),
    ],
)
def test_a_fault_names_file_line_and_key(faults, text, expected):
    assert faults(text) == [f"config.yaml:{expected}"]


def test_the_same_address_in_another_case_is_the_same_person(faults):
    (fault,) = faults(
        "identity:\n  users:\n    - {email: Mia@shop.example, user: a}\n    - {email: mia@SHOP.example, user: b}\n"
    )
    assert fault == "config.yaml:4: mia@SHOP.example stands in identity.users a second time (first on line 3)"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1\nb: 2\n", 2),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: !!python/object/apply:os.getcwd []\nb: !nope x\n", 2),
        ("a: *x\n", 1),
        ("a:\n\t- b\n", 2),
        ("a: \x01\n", 1),
        ("a: 2026-13-45\n", 1),
        ("a: " + "9" * 5000 + "\n", 1),
    ],
)
def test_what_is_not_yaml_is_a_fault_not_a_crash(faults, text, line):
    assert any(fault.startswith(f"config.yaml:{line}: this ") for fault in faults(text))


def test_aliases_are_refused_before_they_can_grow(faults):
    rows = "\n".join(f"  r{n}: &r{n} [*r{n - 1}, *r{n - 1}, *r{n - 1}, *r{n - 1}]" for n in range(1, 30))
    found = faults(f"models:\n  r0: &r0 [x]\n{rows}\n")
    assert any("aliases (*name) are not supported" in fault for fault in found)


def test_endless_nesting_is_a_fault(faults):
    assert any("nested too deeply" in fault for fault in faults("a: " + "[" * 20_000))


def test_all_faults_are_listed_in_the_order_of_the_file(faults):
    found = faults("foo: 1\nidentity:\n  contact: ${NOPE}\n  users:\n    - slack: U0MIA\nbar: 2\n")
    assert [fault.split(":")[1] for fault in found] == ["1", "3", "5", "6"]


# --- the file itself ---


def test_a_huge_file_is_refused_unread(read):
    with pytest.raises(ConfigError, match="larger than 1024 KiB"):
        read("#" * (MAX_BYTES + 1))


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes(b"identity: \xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        read_config_file(path, {})


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_config_file(tmp_path, {})
