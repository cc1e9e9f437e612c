"""`linkerd install`, typed."""

import json
from pathlib import Path

import pytest
import yaml
from cli.tests.check.mesh import Issued
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal

MANIFEST = Path(__file__).parents[2] / "src/linkerd_cli/manifests/control-plane.yaml"


async def test_prints_the_committed_manifests_twice_the_same(terminal: Terminal) -> None:
    first, second = (
        await terminal.linkerd("install", "--ignore-cluster"),
        await terminal.linkerd("install", "--ignore-cluster"),
    )
    assert (first.code, first.err) == (0, "")
    assert first.out == second.out == MANIFEST.read_text()


async def test_json_is_the_same_objects(terminal: Terminal) -> None:
    said = await terminal.linkerd("install", "--ignore-cluster", "-o", "json", "--set", "controllerReplicas=2")
    objects = [json.loads(line) for line in said.out.splitlines()]
    replicas = {o["metadata"]["name"]: o["spec"]["replicas"] for o in objects if o["kind"] == "Deployment"}
    assert replicas == dict.fromkeys(("linkerd-destination", "linkerd-identity", "linkerd-proxy-injector"), 2)


async def test_crds(terminal: Terminal) -> None:
    said = await terminal.linkerd("install", "--ignore-cluster", "--crds")
    assert said.out.count("\nkind: CustomResourceDefinition\n") == said.out.count(
        "apiVersion: apiextensions.k8s.io/v1\n"
    )
    assert "kind: Namespace\n" not in said.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--values", "none.yml"], "--values none.yml: "),
        (["--ha", "--set", "highAvailability=false"], "--set highAvailability=false contradicts --ha"),
        (
            ["--identity-issuer-key-file", "k"],
            "a trust of your own needs --identity-trust-anchors-file",
        ),
        (["--set", "frog=1"], "--set frog: no such value"),
        (["extra"], "unrecognized arguments: extra; see `linkerd install --help`"),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, arguments: list[str], told: str) -> None:
    said = await terminal.linkerd("install", "--ignore-cluster", *arguments)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Error: {told}")
    assert said.err.count("\n") == 1


CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/serviceprofiles.linkerd.io"


async def test_the_cluster_is_asked_first(terminal: Terminal, kube: Cluster) -> None:
    said = await terminal.linkerd("install")
    assert (said.code, said.out, said.err) == (0, MANIFEST.read_text(), "")
    kube.install()
    said = await terminal.linkerd("install")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("Error: Linkerd is installed in namespace linkerd already: use `linkerd upgrade`")


async def test_without_a_cluster_it_says_how(terminal: Terminal) -> None:
    said = await terminal.linkerd("install")
    assert (said.code, said.out) == (1, "")
    assert "(--ignore-cluster asks nothing of the cluster)" in said.err


async def test_another_installations_definitions_are_left_alone(terminal: Terminal, kube: Cluster) -> None:
    kube.put(CRD, {"metadata": {"annotations": {"meta.helm.sh/release-name": "linkerd-crds"}}})
    said = await terminal.linkerd("install")
    assert said.code == 0
    assert "name: serviceprofiles.linkerd.io" not in said.out
    assert "name: servers.policy.linkerd.io" in said.out
    assert said.err == (
        "‼ CustomResourceDefinition serviceprofiles.linkerd.io belongs to Helm release linkerd-crds: left as it is\n"
    )


async def test_high_availability(terminal: Terminal) -> None:
    said = await terminal.linkerd("install", "--ignore-cluster", "--ha", "--controller-replicas", "5")
    objects = [*yaml.load_all(said.out, yaml.CSafeLoader)]
    assert {o["spec"]["replicas"] for o in objects if o["kind"] == "Deployment"} == {5}
    assert sum(o["kind"] == "PodDisruptionBudget" for o in objects) == 3
    assert "linkerd-config-overrides" in [o["metadata"]["name"] for o in objects if o["kind"] == "Secret"]


async def test_a_trust_of_ones_own(terminal: Terminal) -> None:
    anchor = Issued("root")
    issuer = Issued("identity.linkerd.cluster.local", by=anchor)
    for name, pem in (
        ("ca.crt", anchor.pem),
        ("i.crt", issuer.pem),
        ("i.key", issuer.key_pem),
        ("o.key", anchor.key_pem),
    ):
        (terminal.directory / name).write_text(pem)
    flags = ["--identity-trust-anchors-file", "ca.crt", "--identity-issuer-certificate-file", "i.crt"]
    said = await terminal.linkerd("install", "--ignore-cluster", *flags, "--identity-issuer-key-file", "i.key")
    objects = {o["metadata"]["name"]: o for o in yaml.load_all(said.out, yaml.CSafeLoader)}
    assert objects["linkerd-identity-trust-roots"]["data"] == {"ca-bundle.crt": anchor.pem}
    assert objects["linkerd-identity-issuer"]["data"].keys() == {"crt.pem", "key.pem"}
    said = await terminal.linkerd("install", "--ignore-cluster", *flags, "--identity-issuer-key-file", "o.key")
    assert (said.code, said.err) == (1, "Error: the issuer's key is not its certificate's\n")
