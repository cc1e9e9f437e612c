"""What pods ask the scheduler for is what was measured (docs/benchmarks.md, Memory), and HA runs as its name says."""

import re

import pytest
from tests.deploy.rendering import EVERYTHING, ROOT, Obj, named, rendered

MEASURED = {
    "destination": "linkerd-destination",
    "identity": "linkerd-identity",
    "injector": "linkerd-proxy-injector",
    "metrics API": "metrics-api",
    "tap": "tap",
}
"""As the page calls them."""


def figures() -> dict[str, int]:
    """MB of resident memory at rest, by Deployment."""
    text = " ".join((ROOT / "docs/benchmarks.md").read_text().split())
    (sentence,) = re.findall(r"Control plane: (.*?): what deploy/kustomize asks for", text)
    figures = re.findall(r"([a-zA-Z][a-zA-Z ]*?) (\d+) MB\b", sentence)
    return {MEASURED[name]: int(megabytes) for name, megabytes in figures}


def deployments(what: str) -> list[Obj]:
    return [obj for obj in rendered(what) if obj["kind"] == "Deployment"]


@pytest.mark.parametrize("what", EVERYTHING)
def test_the_memory_asked_for_holds_what_was_measured(what: str) -> None:
    measured = figures()
    assert set(measured) == set(MEASURED.values())
    for deployment in deployments(what):
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        mebibytes = int(container["resources"]["requests"]["memory"].removesuffix("Mi"))
        at_rest = measured[deployment["metadata"]["name"]] * 1e6
        assert at_rest <= mebibytes * 2**20 < 2 * at_rest, named(deployment)
        assert "cpu" not in container["resources"].get("limits", {}), "a limit on CPU stalls what is hot"


def test_high_availability() -> None:
    """Three replicas on different nodes, in different zones where it can be; drains take one at a time."""
    budgets = {
        tuple(o["spec"]["selector"]["matchLabels"].items()): o["spec"]["maxUnavailable"]
        for o in rendered("overlays/ha")
        if o["kind"] == "PodDisruptionBudget"
    }
    found = deployments("overlays/ha")
    assert len(found) == len(budgets) == 3
    for deployment in found:
        spec = deployment["spec"]
        assert (spec["replicas"], spec["strategy"]) == (3, {"rollingUpdate": {"maxUnavailable": 1}})
        assert budgets[tuple(spec["selector"]["matchLabels"].items())] == 1
        apart = spec["template"]["spec"]["affinity"]["podAntiAffinity"]
        (required,) = apart["requiredDuringSchedulingIgnoredDuringExecution"]
        (preferred,) = apart["preferredDuringSchedulingIgnoredDuringExecution"]
        assert required["topologyKey"] == "kubernetes.io/hostname"
        assert preferred["podAffinityTerm"]["topologyKey"] == "topology.kubernetes.io/zone"
        for term in (required, preferred["podAffinityTerm"]):
            assert term["labelSelector"] == spec["selector"]
