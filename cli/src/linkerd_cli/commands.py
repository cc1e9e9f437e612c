"""The table of commands. A module is imported only when its command runs, so that `version` stays fast.

(For the same reason what every command loads has no dataclass: their module costs 20 ms.)
"""

from typing import NamedTuple


class Command(NamedTuple):
    """`module` has `configure(parser)` and `run(args, context) -> exit code`; a group has `commands` instead."""

    help: str
    module: str = ""
    commands: "dict[str, Command] | None" = None
    epilog: str = ""

    @property
    def implemented(self) -> bool:
        """Whether this version has it."""
        return bool(self.module) or self.commands is not None


_VIZ = {
    "install": Command("print the viz extension's manifests", "linkerd_cli.viz.install"),
    "uninstall": Command("print the viz extension's resources, to be deleted", "linkerd_cli.viz.uninstall"),
    "check": Command("check the viz extension", "linkerd_cli.viz.check"),
    "stat": Command("success rate, requests and latencies of resources", "linkerd_cli.viz.stat"),
    "edges": Command("who talks to whom, and whether mutual TLS secures it", "linkerd_cli.viz.edges"),
    "stat-inbound": Command("inbound traffic by server and route", "linkerd_cli.viz.stat_inbound"),
    "stat-outbound": Command("outbound traffic by service and route", "linkerd_cli.viz.stat_outbound"),
    "routes": Command("traffic by the routes of ServiceProfiles", "linkerd_cli.viz.routes"),
    "tap": Command("requests as they happen", "linkerd_cli.viz.tap"),
    "top": Command("the busiest paths", "linkerd_cli.viz.top"),
    "authz": Command("authorizations and their traffic", "linkerd_cli.viz.authz"),
    "list": Command("meshed pods, and which of them can be tapped", "linkerd_cli.viz.list_pods"),
    "dashboard": Command("the dashboard, in a browser", "linkerd_cli.viz.dashboard"),
    "profile": Command("make a ServiceProfile from live traffic", "linkerd_cli.viz.profile"),
    "prune": Command("print resources that are no longer part of viz", "linkerd_cli.viz.prune"),
    "allow-scrapes": Command("print policies that let Prometheus scrape", "linkerd_cli.viz.allow_scrapes"),
}
_DIAGNOSTICS = {
    "endpoints": Command("where the control plane sends traffic for an authority", "linkerd_cli.diagnostics.endpoints"),
    "policy": Command("the policy in force for a port of a pod or service", "linkerd_cli.diagnostics.policy"),
    "proxy-metrics": Command("metrics of the proxies of a workload", "linkerd_cli.diagnostics.proxy_metrics"),
    "controller-metrics": Command("metrics of the control plane", "linkerd_cli.diagnostics.controller_metrics"),
    "profile": Command("the routes in force for an address", "linkerd_cli.diagnostics.profile"),
}
_POLICY = {
    "test": Command("who would be denied or let in if a file were applied", "linkerd_cli.policy.command"),
}
COMMANDS = {
    "check": Command("check the cluster and the control plane", "linkerd_cli.check.command"),
    "diagnostics": Command("look inside the control plane and the proxies", commands=_DIAGNOSTICS),
    "inject": Command("add the mesh to manifests", "linkerd_cli.inject.inject_command"),
    "install": Command("print the control plane's manifests", "linkerd_cli.install.install_command"),
    "uninject": Command("take the mesh out of manifests", "linkerd_cli.inject.uninject_command"),
    "uninstall": Command("print the control plane's cluster resources, to be deleted", "linkerd_cli.uninstall"),
    "version": Command("versions of the client and of the control plane", "linkerd_cli.version"),
    "viz": Command("see the mesh", commands=_VIZ),
    "authz": Command("authorizations of a resource", "linkerd_cli.authz"),
    "completion": Command("shell completion for bash, zsh or fish", "linkerd_cli.completion"),
    "explain": Command("why a request goes, or went, where it does", "linkerd_cli.explain"),
    "identity": Command("certificates of pods, and their rotation", "linkerd_cli.identity"),
    "install-cni": Command("print the CNI plugin's manifests"),
    "multicluster": Command("meshes across clusters"),
    "policy": Command("policies before they are applied", commands=_POLICY),
    "profile": Command("make a ServiceProfile", "linkerd_cli.profile.profile_command"),
    "prune": Command(
        "print resources that are no longer part of the control plane", "linkerd_cli.install.prune_command"
    ),
    "upgrade": Command("print the manifests of an upgrade", "linkerd_cli.install.upgrade_command"),
}
