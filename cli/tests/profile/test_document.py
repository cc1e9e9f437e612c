"""The frame of a ServiceProfile, and text in regular expressions."""

import re

from hypothesis import given
from hypothesis import strategies as st

from linkerd_cli.profile.document import quoted, service_profile


def test_frame() -> None:
    assert service_profile("web.x.svc.cluster.local", "x", [{"name": "r"}]) == {
        "apiVersion": "linkerd.io/v1alpha2",
        "kind": "ServiceProfile",
        "metadata": {"name": "web.x.svc.cluster.local", "namespace": "x"},
        "spec": {"routes": [{"name": "r"}]},
    }


@given(st.text(), st.text())
def test_quoted_text_matches_itself_alone(text: str, other: str) -> None:
    assert re.fullmatch(quoted(text), text, re.DOTALL)
    assert bool(re.fullmatch(quoted(text), other)) is (text == other)
