"""Ports of the host that lead to Services."""

import pytest

from linkerd_sandbox.net.ingress import Forward, parse


def test_what_is_asked_for() -> None:
    assert parse("8080:web.emojivoto:80") == Forward(8080, "web", "emojivoto", "80")
    assert parse("8080:web.emojivoto:http") == Forward(8080, "web", "emojivoto", "http")


@pytest.mark.parametrize("text", ["", "web", "8080:web:80", "8080:web.emojivoto", "70000:a.b:1", "0:a.b:1", "x:a.b:1"])
def test_mistakes(text: str) -> None:
    with pytest.raises(ValueError, match=r"HOST_PORT:SERVICE\.NAMESPACE:PORT"):
        parse(text)
