"""The Pod Security Standard `restricted`, field by field, as Kubernetes' documentation lists its controls.

Of a pod's spec: a violation is the path of the field and what it is. `baseline` is part of it.
"""

from collections.abc import Iterator
from typing import Any

Obj = dict[str, Any]

CAPABILITIES = {"NET_BIND_SERVICE"}
"""All that may be added."""
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SECCOMP = {"RuntimeDefault", "Localhost"}
SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
APPARMOR = {"RuntimeDefault", "Localhost"}
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")


def violations(spec: Obj) -> list[str]:
    """Of a whole pod's spec."""
    found = [f"{field}: true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    pod = spec.get("securityContext", {})
    for volume in spec.get("volumes", []):
        found += [f"volumes[{volume['name']}]: {kind}" for kind in set(volume) - {"name"} - VOLUMES]
    for sysctl in pod.get("sysctls", []):
        if sysctl["name"] not in SYSCTLS:
            found.append(f"securityContext.sysctls: {sysctl['name']}")
    found += list(_context("securityContext", pod))
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(key, []):
            found += [f"{key}[{container['name']}].{line}" for line in _container(container, pod)]
    return found


def _context(path: str, context: Obj) -> Iterator[str]:
    """What a pod and a container may both say."""
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield f"{path}.windowsOptions.hostProcess: true"
    if context.get("runAsUser") == 0:
        yield f"{path}.runAsUser: 0"
    if (profile := context.get("seccompProfile", {}).get("type", "RuntimeDefault")) not in SECCOMP:
        yield f"{path}.seccompProfile: {profile}"
    if (profile := context.get("appArmorProfile", {}).get("type", "RuntimeDefault")) not in APPARMOR:
        yield f"{path}.appArmorProfile: {profile}"
    selinux = context.get("seLinuxOptions", {})
    if selinux.get("type", "") not in SELINUX_TYPES:
        yield f"{path}.seLinuxOptions.type: {selinux['type']}"
    yield from (f"{path}.seLinuxOptions.{key}: {selinux[key]}" for key in ("user", "role") if selinux.get(key))


def _container(container: Obj, pod: Obj) -> Iterator[str]:
    context = container.get("securityContext", {})
    yield from _context("securityContext", context)
    if context.get("privileged"):
        yield "securityContext.privileged: true"
    if context.get("procMount", "Default") != "Default":
        yield f"securityContext.procMount: {context['procMount']}"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "securityContext.allowPrivilegeEscalation: not false"
    if context.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield "securityContext.runAsNonRoot: not true"
    if "seccompProfile" not in context and "seccompProfile" not in pod:
        yield "securityContext.seccompProfile: not set"
    capabilities = context.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        yield "securityContext.capabilities.drop: not ALL"
    if more := set(capabilities.get("add", [])) - CAPABILITIES:
        yield f"securityContext.capabilities.add: {', '.join(sorted(more))}"
    for port in container.get("ports", []):
        if port.get("hostPort"):
            yield f"ports: hostPort {port['hostPort']}"
    for name, handler in _handlers(container):
        if any(handler.get(kind, {}).get("host") for kind in ("httpGet", "tcpSocket")):
            yield f"{name}: host"


def _handlers(container: Obj) -> Iterator[tuple[str, Obj]]:
    yield from ((name, container[name]) for name in _PROBES if name in container)
    yield from ((name, container["lifecycle"][name]) for name in _HOOKS if name in container.get("lifecycle", {}))
