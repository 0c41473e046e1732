"""The small parts that results are made of."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeai_bot.errors import ToolError
from kubeai_bot.tools.kubernetes.measures import age, cpu, duration, memory, moment, quantity, read_duration, share
from kubeai_bot.tools.kubernetes.paths import at, items, mapping, steps_of
from kubeai_bot.tools.kubernetes.prune import prune, to_yaml
from kubeai_bot.tools.kubernetes.table import read_table
from kubeai_bot.tools.kubernetes.text import aligned, clean, cut_middle, fitting, holds, one_line, shares

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (119, "119s"), (120, "2m"), (150, "2m30s"), (599, "9m59s"), (600, "10m"), (10_799, "179m"),
        (10_800, "3h"), (11_520, "3h12m"), (28_800, "8h"), (172_799, "47h"), (172_800, "2d"), (180_000, "2d2h"),
        (691_200, "8d"), (86_400 * 400, "400d"), (-5, "0s"),
    ],
)  # fmt: skip
def test_durations_are_written_as_kubectl_does(seconds, text):
    assert duration(seconds) == text


def test_ages_are_counted_from_the_apis_times():
    assert age("2026-11-21T11:48:00Z", NOW) == "12m"
    assert age("2026-11-21T11:59:15.123456Z", NOW) == "44s"
    assert [age(text, NOW) for text in (None, "", "yesterday", 7, "2026-11-21")] == ["?"] * 5
    assert moment("2026-11-21T13:00:00+01:00") == NOW


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("250m", 0.25), ("2", 2.0), ("1500000n", 0.0015), ("100u", 0.0001), ("1e3", 1000.0), ("1E", 1e18),
        ("128Mi", 134_217_728.0), ("1Gi", 1_073_741_824.0), ("32778836Ki", 33_565_528_064.0), ("1.5G", 1.5e9), (3, 3.0),
        ("", None), ("x", None), ("1Qi", None), (None, None), ("1..2", None),
    ],
)  # fmt: skip
def test_quantities_are_read_with_every_suffix(text, number):
    assert quantity(text) == pytest.approx(number)


def test_figures_are_written_as_kubectl_top_does():
    assert (cpu(0.25), cpu(None), memory(134_217_728), memory(None)) == ("250m", "-", "128Mi", "-")
    assert (share(1, 3), share(1, None), share(None, 1), share(1, 0)) == ("33%", "-", "-", "-")


@pytest.mark.parametrize(
    ("text", "seconds"), [("3h12m", 11_520), ("45s", 45), ("2d", 172_800), ("", None), ("web", None)]
)
def test_ages_can_be_read_back(text, seconds):
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        (".spec.template", ("spec", "template")),
        ("spec.template", ("spec", "template")),
        ("{.metadata.name}", ("metadata", "name")),
        ("$.items[0].name", ("items", 0, "name")),
        (".data['app.conf']", ("data", "app.conf")),
        ('.data["app.conf"].x', ("data", "app.conf", "x")),
        (r".metadata.labels.app\.kubernetes\.io/name", ("metadata", "labels", "app.kubernetes.io/name")),
    ],
)
def test_paths_are_read_in_their_usual_spellings(path, steps):
    assert steps_of(path) == steps


@pytest.mark.parametrize("path", ["", ".", "a[", "a[x]", "..", "a..b", "a['b"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(ToolError, match="path"):
        steps_of(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, st.lists(st.text(max_size=5) | st.integers(0, 3), max_size=4))
def test_looking_into_any_object_never_fails(value, steps):
    at(value, *steps)
    assert isinstance(mapping(value, *steps), dict)
    assert isinstance(items(value, *steps), list)


@given(st.dictionaries(st.sampled_from(["kind", "metadata", "spec", "status", "data"]), json_values))
def test_any_object_can_be_pruned_and_written(obj):
    metadata = obj.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        del obj["metadata"]
    assert to_yaml(prune(obj))


def test_an_object_is_shown_without_bookkeeping():
    obj = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web",
            "uid": "u",
            "resourceVersion": "7",
            "generation": 2,
            "creationTimestamp": "2026-11-21T11:00:00Z",
            "managedFields": [{"manager": "kubectl"}],
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "uid": "o", "controller": True}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": '{"password":"x"}', "long": "y" * 5000},
        },
        "spec": {
            "dnsPolicy": "ClusterFirst",
            "terminationGracePeriodSeconds": 60,
            "volumes": [{"name": "kube-api-access-x", "projected": {}}],
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}],
            "containers": [
                {
                    "name": "web",
                    "terminationMessagePath": "/dev/termination-log",
                    "volumeMounts": [{"name": "kube-api-access-x", "mountPath": "/var/run"}],
                    "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}}],
                }
            ],
        },
        "status": {
            "observedGeneration": 2,
            "phase": "Running",
            "containerStatuses": [{"containerID": "c", "ready": True}],
        },
    }
    shown = prune(obj)
    assert shown["spec"] == {
        "terminationGracePeriodSeconds": 60,
        "containers": [
            {"name": "web", "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}}]}
        ],
    }
    assert shown["status"] == {"phase": "Running", "containerStatuses": [{"ready": True}]}
    assert shown["metadata"]["ownerReferences"] == ["ReplicaSet/web-1"]
    assert set(shown["metadata"]) == {"name", "creationTimestamp", "ownerReferences", "annotations"}
    assert list(shown["metadata"]["annotations"]) == ["long"]
    assert len(shown["metadata"]["annotations"]["long"]) < 400
    assert "password" not in to_yaml(shown)


def test_a_generation_that_was_not_seen_yet_stays_visible():
    assert prune({"metadata": {"generation": 3}, "status": {"observedGeneration": 2}})["metadata"] == {"generation": 3}


def test_texts_of_several_lines_become_yaml_blocks():
    assert to_yaml({"app.conf": "a=1\nb=2\n"}) == "app.conf: |\n  a=1\n  b=2\n"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://evil.example\x07link\x1b]8;;\x07", "link"),
        ("a\rb\r\nc\td", "a\nb\nc\td"),
        ("\u202eevil\u2066\u200b\ufeff", "evil"),
        ("\U000e0041tag", "tag"),
        ("größe 日本 🙂", "größe 日本 🙂"),
        ("\x9b31mx", "31mx"),
    ],
)
def test_terminal_and_invisible_characters_are_dropped(text, plain):
    assert clean(text) == plain


@given(st.text(alphabet="\x1b[]()0;mPX^_\\\x07 ab\u202e\x00\x9d", max_size=40))
def test_nothing_dangerous_survives_cleaning(text):
    assert not set(clean(text)) & set("\x1b\x07\u202e\x00\x9d")


@given(st.text(max_size=2000), st.integers(50, 500))
def test_a_cut_text_keeps_head_and_tail_within_its_budget(text, budget):
    cut = cut_middle(text, budget, "more")
    assert len(cut) <= 2 * budget + 80
    if len(text) <= budget:
        assert cut == text


def test_a_cut_says_how_many_lines_are_missing():
    text = "\n".join(f"line {n}" for n in range(100))
    cut = cut_middle(text, 120, "ask for a part").splitlines()
    note = next(line for line in cut if line.startswith("["))
    assert f"{100 - (len(cut) - 1)} lines left out: ask for a part" in note
    assert (cut[0], cut[-1]) == ("line 0", "line 99")


def test_long_messages_lose_their_middle_and_keep_their_cause():
    line = one_line("failed to pull " + "x" * 500 + ": not found", 100)
    assert len(line) == 100
    assert line.startswith("failed to pull")
    assert line.endswith(": not found")


@given(st.lists(st.integers(0, 100), max_size=8), st.integers(0, 300))
def test_shares_are_fair_and_never_more_than_there_is(sizes, budget):
    parts = shares(sizes, budget)
    assert sum(parts) <= budget
    assert all(part <= size for part, size in zip(parts, sizes, strict=True))
    if sum(sizes) <= budget:
        assert parts == sizes


def test_columns_are_aligned_and_empty_ones_left_out():
    assert aligned(["A", "B", "C"], [["xx", "y", ""], ["x", "", ""]]) == ["A   B", "xx  y", "x"]
    assert aligned((), [["a", "", "b"], ["cc", "", "d"]]) == ["a   b", "cc  d"]
    assert aligned((), []) == []


def test_at_least_one_line_fits():
    assert (fitting(["x" * 100, "y"], 10), fitting(["a", "b", "c"], 4), fitting([], 4)) == (1, 2, 0)


def test_grep_takes_alternatives_and_no_patterns():
    assert holds("Error: BOOM", "panic|boom")
    assert not holds("Error", "panic|boom")
    assert not holds("aaaa", "(a+)+$")
    assert not holds("x", "|")


def test_a_list_without_a_table_becomes_rows_of_name_status_and_age():
    found = read_table(
        {
            "kind": "PodList",
            "metadata": {"continue": "t", "remainingItemCount": 4},
            "items": [
                {
                    "metadata": {"name": "a", "creationTimestamp": "2026-11-21T11:00:00Z"},
                    "status": {"phase": "Running"},
                },
                {
                    "metadata": {"name": "b"},
                    "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "R"}]},
                },
                {"metadata": {"name": "c"}},
            ],
        },
        NOW,
    )
    assert [row.cells for row in found.rows] == [("a", "Running", "60m"), ("b", "NotReady: R", "?"), ("c", "-", "?")]
    assert (found.token, found.left) == ("t", 4)


def test_rows_are_sorted_by_what_their_cells_mean(make_table):
    rows = [["a", "10 (3m ago)", "3h12m"], ["b", "9", "45s"], ["c", "<none>", "2d"], ["d", "100", "12m"]]
    found = read_table(make_table(["Name", "Restarts", "Age"], rows), NOW)

    def order(by):
        return "".join(row.cells[0] for row in found.sorted(by).rows)

    assert (order("restarts"), order("-restarts"), order("age"), order("-NAME")) == ("badc", "dabc", "bdac", "dcba")
    assert order(".metadata.name") == "abcd"
    with pytest.raises(ToolError, match=r"no column 'cpu' to sort by\. Columns: NAME, RESTARTS, AGE"):
        found.sorted("cpu")
