"""From the host into namespaces of our own: `python -m linkerd_sandbox.net.bootstrap SETTINGS`.

Order matters: host-side listeners are bound before (a socket stays in the namespace of its birth, so the host's kubectl
reaches the API inside with no slirp or tun), then the user namespace when not root, then mount, network, pid and uts.
The child is the first process of the pid namespace: with it, everything ends. This process records it and exits.
"""

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from linkerd_sandbox.kubelet import init
from linkerd_sandbox.net import kernel
from linkerd_sandbox.settings import SupervisorSettings
from linkerd_sandbox.state import Record, State, boot_id, start_ticks

_NAMESPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWNET | kernel.CLONE_NEWPID | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC
_RUN = "/run/linkerd-sandbox"
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def mode_of(uid: int, capabilities: int, newuidmap: str | None, subuids: str, user: str) -> str:
    """root, user or one-uid, from what the process is and what the machine offers."""
    if capabilities >> 21 & 1 and capabilities >> 12 & 1:  # CAP_SYS_ADMIN, CAP_NET_ADMIN
        return "root"
    mapped = any(line.split(":")[0] in (user, str(uid)) for line in subuids.splitlines() if line.count(":") == 2)
    return "user" if newuidmap and mapped else "one-uid"


def explain(error: OSError, *, apparmor: str, container: bool, max_user_namespaces: str, userns_clone: str) -> str:
    """One line that says why no namespaces can be made and what helps."""
    if userns_clone.strip() == "0":
        return (
            "this kernel allows user namespaces to root only: "
            "sudo sysctl kernel.unprivileged_userns_clone=1, or run as root"
        )
    if max_user_namespaces.strip() == "0":
        return "this kernel allows no user namespaces: sudo sysctl user.max_user_namespaces=10000, or run as root"
    if apparmor.strip() == "1":
        return (
            "AppArmor forbids user namespaces to normal users (Ubuntu 24.04): "
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run as root"
        )
    if container:
        return (
            f"the container that this runs in forbids namespaces ({error}; Docker's default seccomp profile does): "
            "docker run --privileged, or --cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined"
        )
    return f"cannot make namespaces ({error}): run as root, or allow unprivileged user namespaces"


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def effective_capabilities() -> int:
    line = next(line for line in _read("/proc/self/status").splitlines() if line.startswith("CapEff"))
    return int(line.split()[1], 16)


def _fail(settings: SupervisorSettings, message: str) -> NoReturn:
    os.write(settings.ready_fd, message.encode())
    sys.exit(1)


def _explained(error: OSError) -> str:
    return explain(
        error,
        apparmor=_read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
        container=in_container(),
        userns_clone=_read("/proc/sys/kernel/unprivileged_userns_clone"),
        max_user_namespaces=_read("/proc/sys/user/max_user_namespaces"),
    )


def in_container(root: Path = Path("/")) -> bool:
    """Whether Docker, Podman or Kubernetes runs us, as their files and variables say."""
    if (root / ".dockerenv").exists() or (root / "run/.containerenv").exists():
        return True
    try:
        return b"KUBERNETES_SERVICE_HOST=" in (root / "proc/1/environ").read_bytes()
    except OSError:
        return False


def _enter_user_namespace(mode: str) -> None:
    """Becomes uid 0 of a new user namespace. A child writes the maps: they need the parent namespace's rights."""
    pid, uid, gid = os.getpid(), os.getuid(), os.getgid()
    unshared_read, unshared_write = os.pipe()
    mapper = os.fork()
    if mapper == 0:
        try:
            os.close(unshared_write)
            os.read(unshared_read, 1)
            _write_maps(mode, pid, uid, gid)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001
            print(f"mapping users: {error}", file=sys.stderr)
        os._exit(1)
    kernel.unshare(kernel.CLONE_NEWUSER)
    os.close(unshared_write)
    os.close(unshared_read)
    if os.waitstatus_to_exitcode(os.waitpid(mapper, 0)[1]) != 0:
        raise PermissionError(1, "user ids could not be mapped (see supervisor.log)")
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def _write_maps(mode: str, pid: int, uid: int, gid: int) -> None:
    if mode == "user":
        user = _user_name(uid)
        for tool, own, file in (("newuidmap", uid, "/etc/subuid"), ("newgidmap", gid, "/etc/subgid")):
            first, count = _subordinate(_read(file), user, uid)
            subprocess.run([tool, str(pid), "0", str(own), "1", "1", str(first), str(count)], check=True)
        return
    Path(f"/proc/{pid}/setgroups").write_text("deny")
    Path(f"/proc/{pid}/gid_map").write_text(f"0 {gid} 1")
    Path(f"/proc/{pid}/uid_map").write_text(f"0 {uid} 1")


def _user_name(uid: int) -> str:
    lines = (line.split(":") for line in _read("/etc/passwd").splitlines())
    return next((fields[0] for fields in lines if len(fields) > 2 and fields[2] == str(uid)), str(uid))


def _subordinate(text: str, user: str, uid: int) -> tuple[int, int]:
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name in (user, str(uid)) and rest.count(":") == 1:
            first, _, count = rest.partition(":")
            return int(first), min(int(count), 65535)
    raise PermissionError(1, f"no range for {user} in /etc/subuid or /etc/subgid")


def _prepare_mounts() -> None:
    """In the first process: private mounts, a /run of our own, /proc of the new namespace, devices for containers."""
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", "/run", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755")
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", "/proc", "proc", flags)
    with suppress(OSError):
        kernel.mount("sysfs", "/sys", "sysfs", flags)
    for name in ("root", "dev", "pods"):
        Path(_RUN, name).mkdir(parents=True)
    dev = Path(_RUN, "dev")
    kernel.mount("tmpfs", str(dev), "tmpfs", kernel.MS_NOSUID, "mode=755,size=64k")
    for name in _DEVICES:
        (dev / name).touch()
        kernel.mount(f"/dev/{name}", str(dev / name), flags=kernel.MS_BIND)
    for name in ("shm", "pts", "mqueue"):
        (dev / name).mkdir()
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (dev / name).symlink_to(f"/proc/self/{target}")
    with suppress(OSError):
        kernel.mount("devpts", str(dev / "pts"), "devpts", kernel.MS_NOSUID, "newinstance,ptmxmode=0666,mode=0620")
        (dev / "ptmx").symlink_to("pts/ptmx")


def _first_process(settings: SupervisorSettings, recorded_fd: int) -> NoReturn:
    try:
        # the record comes first: nothing may run that `down` would not find
        if not os.read(recorded_fd, 1):
            os._exit(1)
        os.close(recorded_fd)
        _prepare_mounts()
        kernel.sethostname("sandbox")
    except OSError as error:
        os.write(settings.ready_fd, f"cannot set the namespaces up: {error}".encode())
        os._exit(1)
    init.main([settings.to_json()], settings.descriptors)
    os._exit(0)


def main() -> None:
    settings = SupervisorSettings.from_json(sys.argv[1])
    state = State(Path(settings.directory))
    recorded_read, recorded_write = os.pipe()
    pid_read, pid_write = os.pipe()
    launcher = os.fork()  # the user namespace is entered in a child: the record is written with our own rights
    if launcher == 0:
        try:
            if settings.mode != "root":
                _enter_user_namespace(settings.mode)
            kernel.unshare(_NAMESPACES)
        except OSError as error:
            os.write(settings.ready_fd, _explained(error).encode())
            os._exit(1)
        os.close(recorded_write)
        first = os.fork()
        if first == 0:
            os.close(pid_write)
            _first_process(settings, recorded_read)
        os.write(pid_write, json.dumps(first).encode())
        os._exit(0)
    os.close(pid_write)
    answer = os.read(pid_read, 64)
    os.waitpid(launcher, 0)
    if not answer:
        sys.exit(1)
    pid = int(json.loads(answer))
    ticks = start_ticks(pid)
    if ticks is None:
        _fail(settings, "the first process ended at once")
    state.write(Record(pid, ticks, boot_id(), settings.api_port, settings.mode))
    os.write(recorded_write, b"1")


def detect_mode() -> str:
    """The mode for this process on this machine."""
    uid = os.getuid()
    return mode_of(uid, effective_capabilities(), shutil.which("newuidmap"), _read("/etc/subuid"), _user_name(uid))


if __name__ == "__main__":
    main()
