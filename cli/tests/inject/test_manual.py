"""--manual: what the cluster's installation would inject."""

import pytest
import yaml
from cli.tests.check.mesh import Issued
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal

from linkerd_cli.errors import CliError
from linkerd_cli.inject.manual import server_version

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: emojivoto}
spec:
  template:
    spec:
      containers: [{name: web, ports: [{containerPort: 8080}]}]
"""


@pytest.mark.parametrize(("text", "version"), [("v1.32.4-gke.1", (1, 32)), ("1.17", (1, 17))])
def test_server_version(text: str, version: tuple[int, int]) -> None:
    assert server_version({"gitVersion": text}) == version


def test_a_version_that_is_none() -> None:
    with pytest.raises(CliError, match="frog"):
        server_version({"gitVersion": "frog"})


@pytest.mark.parametrize(("version", "native"), [("v1.32.0", True), ("v1.28.3", False)])
async def test_writes_the_sidecar_of_the_installation(
    terminal: Terminal, kube: Cluster, version: str, native: bool
) -> None:
    kube.version = version
    kube.install()
    kube.put(
        "/api/v1/namespaces/linkerd/configmaps/linkerd-identity-trust-roots", {"data": {"ca-bundle.crt": "ANCHORS"}}
    )
    said = await terminal.linkerd("inject", "--manual", "--proxy-uid", "777", "-", stdin=DEPLOYMENT)
    assert (said.code, said.err) == (0, '\ndeployment "web" injected\n\n')
    template = next(yaml.safe_load_all(said.out))["spec"]["template"]
    spec = template["spec"]
    names = [c["name"] for c in spec["initContainers"]], [c["name"] for c in spec["containers"]]
    if native:
        assert names == (["linkerd-init", "linkerd-proxy"], ["web"])
    else:
        assert names == (["linkerd-init"], ["linkerd-proxy", "web"])
    assert template["metadata"]["labels"]["linkerd.io/proxy-deployment"] == "web"
    assert template["metadata"]["annotations"]["linkerd.io/created-by"] == "linkerd/cli 0.1.0"
    proxy = next(c for c in spec["initContainers"] + spec["containers"] if c["name"] == "linkerd-proxy")
    assert proxy["securityContext"]["runAsUser"] == 777
    anchors = next(e for e in proxy["env"] if e["name"] == "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS")
    assert anchors["value"] == "ANCHORS"
    back = await terminal.linkerd("uninject", "-", stdin=said.out)
    kept = yaml.safe_load(DEPLOYMENT)
    kept["spec"]["template"]["metadata"] = {"annotations": {"config.linkerd.io/proxy-uid": "777"}}
    assert next(yaml.safe_load_all(back.out)) == kept


async def test_without_an_installation(terminal: Terminal, kube: Cluster) -> None:
    said = await terminal.linkerd("inject", "--manual", "-", stdin=DEPLOYMENT)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("Error: the control plane is not installed in namespace linkerd: ")


async def test_ignoring_the_cluster(terminal: Terminal) -> None:
    anchor = Issued("root")
    (terminal.directory / "ca.crt").write_text(anchor.pem)
    said = await terminal.linkerd("inject", "--manual", "--ignore-cluster", "-", stdin=DEPLOYMENT)
    assert said.err.startswith("Error: --manual --ignore-cluster needs --identity-trust-anchors-file")
    flags = [
        "--manual",
        "--ignore-cluster",
        "--identity-trust-anchors-file",
        "ca.crt",
        "--registry",
        "localhost:5000/x/",
    ]
    said = await terminal.linkerd("inject", *flags, "-", stdin=DEPLOYMENT)
    assert said.code == 0, said.err
    proxy = next(yaml.safe_load_all(said.out))["spec"]["template"]["spec"]["initContainers"][1]
    assert proxy["image"].startswith("localhost:5000/x/proxy:")
    env = {e["name"]: e.get("value") for e in proxy["env"]}
    assert env["LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS"] == anchor.pem
