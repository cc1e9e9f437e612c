"""`linkerd viz allow-scrapes`."""

import pytest
import yaml
from cli.tests.terminal import Terminal

from linkerd_rules.validation import KINDS, validate


def by_name(text: str) -> dict[tuple[str, str], dict[str, object]]:
    return {(made["kind"], made["metadata"]["name"]): made for made in yaml.safe_load_all(text)}


async def test_policies_that_admission_takes(terminal: Terminal) -> None:
    said = await terminal.linkerd("viz", "allow-scrapes", "-n", "emojivoto")
    assert (said.code, said.err) == (0, "")
    made = by_name(said.out)
    assert {("policy.linkerd.io", kind) for kind, _ in made} <= KINDS
    assert [validate(policy) for policy in made.values()] == [[]] * 6
    assert {policy["metadata"]["namespace"] for policy in made.values()} == {"emojivoto"}  # type: ignore[index]
    spec = made["AuthorizationPolicy", "prometheus-scrape"]["spec"]
    assert spec == {
        "requiredAuthenticationRefs": [{"kind": "ServiceAccount", "name": "prometheus", "namespace": "linkerd-viz"}],
        "targetRef": {"group": "policy.linkerd.io", "kind": "HTTPRoute", "name": "proxy-metrics"},
    }


async def test_another_prometheus(terminal: Terminal) -> None:
    said = await terminal.linkerd("viz", "allow-scrapes", "-n", "x", "--prometheus", "monitoring/k8s")
    assert "name: k8s\n    namespace: monitoring\n" in said.out


@pytest.mark.parametrize("text", ["monitoring", "/k8s", "monitoring/"])
async def test_bad_input_is_one_line(terminal: Terminal, text: str) -> None:
    said = await terminal.linkerd("viz", "allow-scrapes", "-n", "x", "--prometheus", text)
    assert (said.code, said.out, said.err) == (1, "", f"Error: --prometheus {text}: write NAMESPACE/ACCOUNT\n")
    assert "required: -n" in (await terminal.linkerd("viz", "allow-scrapes")).err
