"""`linkerd viz allow-scrapes`: Linkerd's policies for the proxies' admin port.

The proxies here serve that port themselves, beside the policies of their pods, so metrics can be read without these.
They say in the cluster who is meant to, and manifests that Linkerd made stay what they were.
"""

import argparse
import sys

from linkerd_cli.context import Context
from linkerd_cli.documents import dump_yaml
from linkerd_cli.errors import UsageError
from linkerd_cli.install.rendered import stream
from linkerd_cli.tree import JsonObject
from linkerd_cli.usage import Parser
from linkerd_contract import names

EXAMPLES = """examples:
  linkerd viz allow-scrapes -n emojivoto | kubectl apply -f -
  linkerd viz allow-scrapes -n emojivoto --prometheus monitoring/prometheus-k8s | kubectl apply -f -"""
_GROUP = "policy.linkerd.io"
_ADMIN, _METRICS, _PROBES = "proxy-admin", "proxy-metrics", "proxy-probes"


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("-n", "--namespace", required=True, metavar="NAMESPACE", help="of the proxies")
    account = f"whose account may scrape (default {names.VIZ_NAMESPACE}/prometheus)"
    parser.add_argument("--prometheus", metavar="NAMESPACE/ACCOUNT", help=account)


def run(args: argparse.Namespace, context: Context) -> int:
    """Print the manifests."""
    namespace, slash, account = (args.prometheus or f"{context.viz_namespace}/prometheus").partition("/")
    if not slash or not namespace or not account:
        raise UsageError(f"--prometheus {args.prometheus}: write NAMESPACE/ACCOUNT")
    sys.stdout.write(stream([dump_yaml(policy) for policy in policies(args.namespace, namespace, account)]))
    return 0


def policies(namespace: str, prometheus: str, account: str) -> list[JsonObject]:
    """For all proxies of `namespace`: /metrics for an account of namespace `prometheus`, probes for everybody."""
    proxies: JsonObject = {"matchExpressions": [{"key": names.LABEL_CONTROL_PLANE_NS, "operator": "Exists"}]}
    scraper: JsonObject = {"kind": "ServiceAccount", "namespace": prometheus, "name": account}
    kubelet: JsonObject = {"group": _GROUP, "kind": "NetworkAuthentication", "name": "kubelet"}

    def made(version: str, kind: str, name: str, spec: JsonObject) -> JsonObject:
        metadata: JsonObject = {"name": name, "namespace": namespace, "labels": {names.LABEL_EXTENSION: "viz"}}
        return {"apiVersion": f"{_GROUP}/{version}", "kind": kind, "metadata": metadata, "spec": spec}

    def route(name: str, *paths: str) -> JsonObject:
        matches = [{"method": "GET", "path": {"type": "Exact", "value": path}} for path in paths]
        parent: JsonObject = {"group": _GROUP, "kind": "Server", "name": _ADMIN}
        return made("v1beta3", "HTTPRoute", name, {"parentRefs": [parent], "rules": [{"matches": matches}]})

    def authorization(name: str, target: str, *by: JsonObject) -> JsonObject:
        reference: JsonObject = {"group": _GROUP, "kind": "HTTPRoute", "name": target}
        spec: JsonObject = {"targetRef": reference, "requiredAuthenticationRefs": list(by)}
        return made("v1alpha1", "AuthorizationPolicy", name, spec)

    server: JsonObject = {"podSelector": proxies, "port": "linkerd-admin", "proxyProtocol": "HTTP/1"}
    everywhere: JsonObject = {"networks": [{"cidr": "0.0.0.0/0"}, {"cidr": "::/0"}]}
    return [
        made("v1beta3", "Server", _ADMIN, server),
        route(_METRICS, "/metrics"),
        route(_PROBES, "/live", "/ready"),
        made("v1alpha1", "NetworkAuthentication", "kubelet", everywhere),
        authorization("prometheus-scrape", _METRICS, scraper),
        authorization(_PROBES, _PROBES, kubelet),
    ]
