"""Trace ids: what proxies write and `linkerd explain ID` reads."""

import pytest

from linkerd_contract.explain import pod_tag, tag_of, trace_id


def test_an_id_leads_back_to_its_pod() -> None:
    tag = pod_tag("emojivoto", "web-0")
    assert len(tag) == 8
    assert tag != pod_tag("emojivoto", "web-1")
    assert tag_of(trace_id(tag, 0)) == tag
    assert tag_of(trace_id(tag, 2**40)) == tag


@pytest.mark.parametrize(
    "text", ["", "-", "web-0", "0123456-0001", "0123456G-0001", "01234567-1", "01234567-" + "0" * 17]
)
def test_what_is_not_an_id(text: str) -> None:
    assert tag_of(text) is None
