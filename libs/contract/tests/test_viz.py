"""Paths of taps."""

import pytest

from linkerd_contract.viz import TapQuery, tap_path

BASE = "/apis/tap.linkerd.io/v1alpha1/watch/namespaces"


@pytest.mark.parametrize(
    ("query", "path"),
    [
        (TapQuery("deployment", "a", "web"), f"{BASE}/a/deployments/web/tap"),
        (TapQuery("pod", "a"), f"{BASE}/a/pods/tap"),
        (TapQuery("namespace", "a"), f"{BASE}/a/tap"),
        (TapQuery("namespace", "a", "b"), f"{BASE}/b/tap"),
    ],
)
def test_paths(query: TapQuery, path: str) -> None:
    assert tap_path(query) == path


@pytest.mark.parametrize("query", [TapQuery("frog", "a"), TapQuery("pod", ""), TapQuery("pod", "a", "../x")])
def test_no_paths(query: TapQuery) -> None:
    with pytest.raises(ValueError, match=r"cannot be tapped|no names"):
        tap_path(query)
