"""The first process of the sandbox's pid namespace: reaps orphans, and starts every container by forking itself.

Rules: standard library and `kernel` only (each container is forked from this process: what is imported here is paid for
by all); it never waits for anything but its one poll; when the supervisor ends, it ends, and the kernel then removes
every process, namespace, mount, link and rule of the sandbox at once.

Protocol on a SOCK_SEQPACKET pair, a JSON object a packet. Request `{"id", "join": pid | null,
"processes_of": pid | null}` with the file descriptors [spec, stdout, stderr, error, stdin | /dev/null, namespaces…];
`spec` holds the JSON that `launch` reads (no limit on its size). `join` runs the command in that container's namespaces
(exec) instead of making new ones; `processes_of` shares that one's pid namespace and nothing else. Answers
`{"id", "pid"}`, later `{"exit": pid, "status": wait status}`. What went wrong between fork and exec is written to
`error`, which exec closes.
"""

import array
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable

from linkerd_sandbox.kubelet import launch
from linkerd_sandbox.net import kernel

_MAX_FDS = 16
_PACKET = 65536


def _receive(channel: socket.socket) -> tuple[bytes, list[int]]:
    data, ancillary, _, _ = channel.recvmsg(_PACKET, socket.CMSG_LEN(_MAX_FDS * 4), socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    return data, list(fds)


class Init:
    """Forks containers, reaps everything; `run` returns when the supervisor has ended."""

    def __init__(self, channel: socket.socket, supervisor: int) -> None:
        self._channel = channel
        self._supervisor = supervisor
        self._own_pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._ended = False

    def run(self) -> None:
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(wake_read, select.POLLIN)
        self._reap()
        while not self._ended:
            for fd, _ in poll.poll():
                if fd == wake_read:
                    os.read(wake_read, 4096)
                    self._reap()
                elif not self._serve():
                    poll.unregister(self._channel)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self._ended = True
                return
            if pid == 0:
                return
            if pid == self._supervisor:
                self._ended = True
                return
            self._answer({"exit": pid, "status": status})

    def _answer(self, message: dict[str, int]) -> None:
        try:
            self._channel.send(json.dumps(message).encode())
        except OSError:
            self._ended = True  # only the supervisor holds the other end: it is gone

    def _serve(self) -> bool:
        data, fds = _receive(self._channel)
        if not data:
            return False
        request = json.loads(data)
        pid = self._fork(request["join"], request["processes_of"], fds)
        for fd in fds:
            os.close(fd)
        self._answer({"id": request["id"], "pid": pid})
        return True

    def _fork(self, join: int | None, processes_of: int | None, fds: list[int]) -> int:
        """Forks into a new pid namespace (or that of a process); this process stays in its own."""
        member = processes_of if join is None else join
        try:
            if member is None:
                kernel.unshare(kernel.CLONE_NEWPID)
            else:
                with launch.opened(f"/proc/{member}/ns/pid") as fd:
                    kernel.setns(fd, kernel.CLONE_NEWPID)
        except OSError as error:
            os.write(fds[3], str(error).encode())
            return -1
        try:
            return _fork_child(lambda: launch.child(fds, join))
        finally:
            kernel.setns(self._own_pid_namespace, kernel.CLONE_NEWPID)


def _fork_child(body: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        body()
    finally:
        os._exit(128)


def main(supervisor_argv: list[str], inherit: list[int]) -> None:
    """Runs as pid 1 of the namespace: starts the supervisor with a channel to us, then serves it until it ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    supervisor = os.fork()
    if supervisor == 0:
        for fd in (*inherit, theirs.fileno()):
            os.set_inheritable(fd, True)
        arguments = [sys.executable, "-m", "linkerd_sandbox.supervisor", str(theirs.fileno()), *supervisor_argv]
        os.execv(sys.executable, arguments)
    theirs.close()
    for fd in inherit:
        os.close(fd)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Init(ours, supervisor).run()
