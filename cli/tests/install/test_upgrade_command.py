"""`linkerd upgrade`, typed."""

import yaml
from cli.tests.cluster import Cluster
from cli.tests.terminal import Said, Terminal

from linkerd_cli.install.overrides import Overrides, secret

SECRET = "/api/v1/namespaces/linkerd/secrets/linkerd-config-overrides"


def _replicas(said: Said) -> set[int]:
    assert said.code == 0, said.err
    return {o["spec"]["replicas"] for o in yaml.load_all(said.out, yaml.CSafeLoader) if o["kind"] == "Deployment"}


async def test_without_an_installation(terminal: Terminal, kube: Cluster) -> None:
    said = await terminal.linkerd("upgrade")
    assert said.err.startswith("Error: Linkerd is not installed in namespace linkerd: ")


async def test_what_was_asked_for_and_what_is_asked_for_now(terminal: Terminal, kube: Cluster) -> None:
    kube.install()
    assert _replicas(await terminal.linkerd("upgrade")) == {1}
    kube.put(SECRET, secret(Overrides(["controllerReplicas=2"], "localhost:5000"), "linkerd"))
    said = await terminal.linkerd("upgrade")
    assert _replicas(said) == {2}
    assert "image: localhost:5000/identity:" in said.out
    assert _replicas(await terminal.linkerd("upgrade", "--set", "controllerReplicas=4")) == {4}
    assert _replicas(await terminal.linkerd("upgrade", "--ha")) == {2}


async def test_from_what_install_printed(terminal: Terminal) -> None:
    printed = await terminal.linkerd("install", "--ignore-cluster", "--ha")
    (terminal.directory / "old.yml").write_text(printed.out)
    again = await terminal.linkerd("upgrade", "--from-manifests", "old.yml")
    assert again.out == printed.out
    (terminal.directory / "old.yml").write_text("a: 1\n")
    said = await terminal.linkerd("upgrade", "--from-manifests", "old.yml")
    assert said.err == "Error: --from-manifests old.yml: no ConfigMap linkerd-config in it\n"
