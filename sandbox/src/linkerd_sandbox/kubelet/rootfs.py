"""What every container sees of this machine: /usr, the Python environment, the checkout, small files of /etc.

`plan` reads the machine once, at start; `spec` puts a container's own part on top. All of the machine is read-only.
"""

import site
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

_SYSTEM: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_ETC_FILES: Final = (
    "passwd", "group", "nsswitch.conf", "ld.so.cache", "ld.so.conf", "localtime", "protocols", "services", "mime.types",
    "gai.conf", "ethertypes", "host.conf",
)  # fmt: skip
_ETC_FOLDERS: Final = ("alternatives", "ssl", "pki", "ca-certificates", "ld.so.conf.d", "iproute2", "python3")
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class RootPlan:
    """The part of a root file system that all containers share."""

    symlinks: tuple[tuple[str, str], ...]
    binds: tuple[tuple[str, str, str], ...]
    scripts: str
    """The environment's folder of scripts."""

    @property
    def path(self) -> str:
        return f"{self.scripts}:{PATH}"


def editable_roots(folders: list[Path]) -> list[Path]:
    """Folders outside the environment that its .pth files name: each as the checkout that holds it, or by itself."""
    found: set[Path] = set()
    for folder in folders:
        for file in folder.glob("*.pth"):
            for line in file.read_text(errors="replace").splitlines():
                path = Path(line.strip())
                if line.startswith("/") and path.is_dir():
                    found.add(next((up for up in (path, *path.parents) if (up / ".git").exists()), path))
    return sorted(found)


def outermost(paths: list[Path]) -> list[Path]:
    """Without those that lie below another of the list. PURE."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return kept


def in_mount_order(binds: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Outer folders first: a volume at /tmp must not hide a checkout that lies below /tmp. PURE."""
    return sorted(binds, key=lambda bind: PurePosixPath(bind[1]).parts)


def plan() -> RootPlan:
    """Reads the machine."""
    symlinks: list[tuple[str, str]] = []
    binds: list[tuple[str, str, str]] = [("/usr", "/usr", "ro")]
    for name in _SYSTEM:
        path = Path("/", name)
        if path.is_symlink():
            symlinks.append((str(path.readlink()), str(path)))
        elif path.is_dir():
            binds.append((str(path), str(path), "ro"))
    for name in (*_ETC_FILES, *_ETC_FOLDERS):
        path = Path("/etc", name)
        if path.exists():
            binds.append((str(path.resolve()) if path.is_file() else str(path), str(path), "ro"))
    folders = [Path(folder) for folder in site.getsitepackages()]
    wanted = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent]
    wanted += editable_roots(folders)
    binds += [(str(path), str(path), "ro") for path in outermost(wanted) if not path.is_relative_to("/usr")]
    return RootPlan(tuple(symlinks), tuple(binds), str(Path(sys.executable).parent))


def etc_files(
    hostname: str, pod_ips: Sequence[str], aliases: list[tuple[str, list[str]]], resolv_conf: str
) -> dict[str, str]:
    """The files of /etc that are the pod's own. PURE."""
    hosts = ["# Kubernetes-managed hosts file.", "127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
    hosts += [f"{ip}\t{hostname}" for ip in pod_ips]
    hosts += [f"{ip}\t{' '.join(names)}" for ip, names in aliases]
    return {
        "/etc/hostname": f"{hostname}\n",
        "/etc/hosts": "\n".join(hosts) + "\n",
        "/etc/resolv.conf": resolv_conf,
    }


def resolv_conf(namespace: str, dns_ip: str, domain: str) -> str:
    """ClusterFirst, as kubelet writes it. PURE."""
    search = f"{namespace}.svc.{domain} svc.{domain} {domain}"
    return f"search {search}\nnameserver {dns_ip}\noptions ndots:5\n"
