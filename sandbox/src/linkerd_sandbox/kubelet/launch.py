"""From fork to exec: builds a container's root file system, enters its namespaces, drops what it may not have.

Runs in the child that `init` forked, as the first process of the container's pid namespace. Rules: no decisions here
(the kubelet made them; `LaunchSpec` says what to mount, where, and as whom to run), nothing imported beyond what `init`
has. The fresh tmpfs root with binds takes 2-3 ms and needs no overlay file system, which is refused without root.
"""

import contextlib
import errno
import fcntl
import json
import os
import resource
import signal
import stat
import termios
from collections.abc import Iterator
from typing import Final, NoReturn, TypedDict, cast

from linkerd_sandbox.net import kernel

NEW_ROOT: Final = "/run/linkerd-sandbox/root"
_MOUNT_TARGETS: Final = ("proc", "dev", "sys", "tmp", "run", "var/run", "var/tmp", "etc", "root", "home")


class LaunchSpec(TypedDict):
    """All that a start needs; written by the kubelet as JSON."""

    argv: list[str]
    env: dict[str, str]
    cwd: str
    uid: int | None  # None: stay who we are (a user namespace that maps one uid)
    gid: int | None
    groups: list[int]
    bounding: int
    ambient: int
    no_new_privileges: bool
    read_only_root: bool
    symlinks: list[list[str]]  # [target, path in the container]
    binds: list[list[str]]  # [source, path in the container, "ro" | "rw"]
    files: dict[str, str]  # path in the container -> text


@contextlib.contextmanager
def opened(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def child(fds: list[int], join: int | None) -> NoReturn:
    """Never returns: execs the command, or writes why not to the error descriptor and exits 128."""
    spec_fd, stdout, stderr, error_fd, stdin, *namespaces = fds
    try:
        with open(spec_fd, "rb") as source:  # noqa: PTH123 - a descriptor
            spec = cast(LaunchSpec, json.loads(source.read()))
        os.setsid()
        for fd, target in ((stdin, 0), (stdout, 1), (stderr, 2)):
            os.dup2(fd, target, inheritable=True)
        if os.isatty(0):
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # job control in `kubectl exec -it`
        if join is None:
            for fd in namespaces:
                kernel.setns(fd)
            _build_root(spec)
        else:
            _join(join)
        _become(spec)
        _execute(spec)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the kubelet must hear of it
        with contextlib.suppress(OSError):
            os.write(error_fd, (str(error) or repr(error)).encode())
    os._exit(128)


def _join(pid: int) -> None:
    with contextlib.ExitStack() as stack:
        kinds = ("net", "uts", "ipc", "mnt")  # mnt last: /proc of the container shows only its own processes
        for fd in [stack.enter_context(opened(f"/proc/{pid}/ns/{kind}")) for kind in kinds]:
            kernel.setns(fd)


def _build_root(spec: LaunchSpec) -> None:
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    root = NEW_ROOT
    kernel.mount("tmpfs", root, "tmpfs", kernel.MS_NODEV, "mode=755,size=256m")
    for name in _MOUNT_TARGETS:
        os.makedirs(f"{root}/{name}", exist_ok=True)  # noqa: PTH103 - pathlib is not imported here
    for name in ("tmp", "var/tmp"):
        os.chmod(f"{root}/{name}", 0o1777)  # noqa: PTH101
    for target, path in spec["symlinks"]:
        os.symlink(target, root + path)  # noqa: PTH211
    kernel.mount("/run/linkerd-sandbox/dev", f"{root}/dev", flags=kernel.MS_BIND | kernel.MS_REC)
    kernel.mount("tmpfs", f"{root}/dev/shm", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777,size=64m")
    _mount_kernel_views(root)
    for path, text in spec["files"].items():
        os.makedirs(os.path.dirname(root + path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(root + path, "w") as file:  # noqa: PTH123
            file.write(text)
    for source, path, mode in spec["binds"]:
        _bind(source, root + path, read_only=mode == "ro")
    if spec["read_only_root"]:
        kernel.mount("none", root, flags=kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY)
    os.chdir(root)
    kernel.pivot_root(".", ".")
    kernel.umount(".")
    os.chdir("/")


def _mount_kernel_views(root: str) -> None:
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    try:
        kernel.mount("proc", f"{root}/proc", "proc", flags)
        # root in the container must not change the host's kernel settings
        kernel.mount(f"{root}/proc/sys", f"{root}/proc/sys", flags=kernel.MS_BIND)
        kernel.mount("none", f"{root}/proc/sys", flags=kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | flags)
    except PermissionError:
        # inside Docker /proc has masks over it, and the kernel then refuses a fresh one without privilege
        kernel.mount("/proc", f"{root}/proc", flags=kernel.MS_BIND | kernel.MS_REC)
    with contextlib.suppress(OSError):
        kernel.mount("sysfs", f"{root}/sys", "sysfs", flags | kernel.MS_RDONLY)


def _bind(source: str, target: str, *, read_only: bool) -> None:
    if stat.S_ISDIR(os.stat(source).st_mode):  # noqa: PTH116
        os.makedirs(target, exist_ok=True)  # noqa: PTH103
    elif not os.path.exists(target):  # noqa: PTH110
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    kernel.mount(source, target, flags=kernel.MS_BIND | kernel.MS_REC)
    if read_only:
        kernel.make_read_only(target)


def _become(spec: LaunchSpec) -> None:
    uid, gid, ambient = spec["uid"], spec["gid"], spec["ambient"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kernel.drop_bounding(spec["bounding"])
    if gid is not None:
        os.setgroups(spec["groups"])
        os.setresgid(gid, gid, gid)
    if uid is not None:
        kernel.prctl(kernel.PR_SET_KEEPCAPS, 1)
        os.setresuid(uid, uid, uid)
    if uid:
        # a binary on the host's /usr has no file capabilities, as one in an image may: what was added is ambient
        kernel.capset(ambient, ambient, ambient)
        kernel.raise_ambient(ambient)
    else:
        kernel.capset(spec["bounding"], spec["bounding"], 0)
    if spec["no_new_privileges"]:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)


def _execute(spec: LaunchSpec) -> None:
    for number in range(1, signal.NSIG):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o022)
    try:
        os.chdir(spec["cwd"])
    except OSError as error:
        raise RuntimeError(f"chdir to cwd ({spec['cwd']!r}) failed: {error.strerror}") from None
    command = spec["argv"][0]
    folders = spec["env"].get("PATH", "/usr/bin").split(":")
    candidates = [command] if "/" in command else [f"{folder}/{command}" for folder in folders if folder]
    failure = f'exec: "{command}": executable file not found in $PATH'
    for path in candidates:
        try:
            os.execve(path, spec["argv"], spec["env"])
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR) or "/" in command:
                failure = f'exec: "{command}": {(error.strerror or "").lower()}'
    raise RuntimeError(failure)
