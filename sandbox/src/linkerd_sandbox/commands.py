"""What the commands do. Light on imports: nothing of the cluster itself is loaded here."""

import argparse
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping as MappingType
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from linkerd_sandbox.procs import usage
from linkerd_sandbox.settings import SupervisorSettings
from linkerd_sandbox.state import Record, State

if TYPE_CHECKING:
    from linkerd_sandbox.images import Mapping

_START_SECONDS: Final = 60.0
_LOG_TAIL: Final = 15


class Failure(Exception):
    """One line for people."""


def up(state: State, arguments: argparse.Namespace, environ: MappingType[str, str]) -> int:
    """Raises Failure."""
    running = state.running()
    if running is not None:
        print(f"already running (API on https://127.0.0.1:{running.api_port})")
        _how_to_use(state)
        return 0
    programs = _programs(arguments)
    began = time.monotonic()
    state.clear()  # what a killed one left
    state.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    own = [text for text in arguments.port if text.isdigit()]
    forwards = [text for text in arguments.port if not text.isdigit()]
    with ExitStack() as sockets:
        for text in forwards:
            _check_forward(text)
        listener = sockets.enter_context(_listener(int(own[-1]) if own else 0, own[-1] if own else "0"))
        others = [(sockets.enter_context(_listener(int(text.partition(":")[0]), text)), text) for text in forwards]
        _start(state, [(listener, ""), *others], arguments, environ, programs)
    record = state.running()
    if record is None:
        raise Failure(f"it started and ended at once; the last lines of {state.log}:\n{_tail(state)}")
    seconds = time.monotonic() - began
    print(f"ready in {seconds:.1f} s (API on https://127.0.0.1:{record.api_port}, mode {record.mode})")
    _how_to_use(state)
    return 0


def _programs(arguments: argparse.Namespace) -> tuple[str, str]:
    """Absolute paths of kube-apiserver and etcd, empty where none are given. Raises Failure."""
    given = {"--kube-apiserver": arguments.kube_apiserver, "--etcd": arguments.etcd}
    if not any(given.values()):
        return "", ""
    if arguments.ip_family != "ipv4":
        raise Failure(f"--ip-family {arguments.ip_family}: not with a real API server")
    found: list[str] = []
    for option, path in given.items():
        if not path:
            raise Failure(f"{option} PATH is missing: a real API server is two programs")
        program = shutil.which(path)
        if program is None:
            raise Failure(f"{option} {path}: not a program that can be run")
        if Path(program).resolve().is_relative_to("/run"):
            raise Failure(f"{option} {path}: the sandbox has a /run of its own; put the program elsewhere")
        found.append(os.path.abspath(program))  # noqa: PTH100 (a link may decide what the program is)
    return found[0], found[1]


def _check_forward(text: str) -> None:
    """Raises Failure."""
    from linkerd_sandbox.net.ingress import parse

    try:
        parse(text)
    except ValueError as error:
        raise Failure(f"--port {error}") from None


def _listener(port: int, text: str) -> socket.socket:
    """A listener on the host's loopback. Raises Failure."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise Failure(f"--port {text}: {error}") from None
    listener.listen(512)
    return listener


def _how_to_use(state: State) -> None:
    print(f"\nexport KUBECONFIG={state.kubeconfig}\n")
    print("Then kubectl and linkerd work as on any cluster; `linkerd sandbox down` removes all of it.")


def _start(
    state: State,
    listeners: list[tuple[socket.socket, str]],
    arguments: argparse.Namespace,
    environ: MappingType[str, str],
    programs: tuple[str, str],
) -> None:
    from linkerd_sandbox.net.bootstrap import detect_mode

    ready_read, ready_write = os.pipe()
    listener = listeners[0][0]
    settings = SupervisorSettings(
        directory=str(state.directory),
        listener_fd=listener.fileno(),
        ready_fd=ready_write,
        api_port=listener.getsockname()[1],
        mode=arguments.mode or detect_mode(),
        path=environ.get("PATH", "/usr/bin:/bin"),
        log_level=arguments.log_level,
        ip_family=arguments.ip_family,
        kube_apiserver=programs[0],
        etcd=programs[1],
        forwards=tuple((one.fileno(), text) for one, text in listeners[1:]),
    )
    with state.log.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "linkerd_sandbox.net.bootstrap", settings.to_json()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=settings.descriptors,
            start_new_session=True,
            env=dict(environ) | {"PYTHONUNBUFFERED": "1"},
        )
    os.close(ready_write)
    try:
        _await(state, ready_read, "ready" if arguments.wait else "api")
    except Failure:
        state.stop()
        raise
    finally:
        os.close(ready_read)
        process.wait()


def _await(state: State, fd: int, word: str) -> None:
    """Reads lines until `word`; anything but a stage of the start is why there is none. Raises Failure."""
    deadline = time.monotonic() + _START_SECONDS
    text = ""
    while True:
        if not select.select([fd], [], [], max(deadline - time.monotonic(), 0))[0]:
            raise Failure(f"not ready after {_START_SECONDS:g} s; the last lines of {state.log}:\n{_tail(state)}")
        data = os.read(fd, 4096).decode("utf-8", "replace")
        text += data
        lines = text.splitlines()
        if word in lines:
            return
        trouble = [line for line in lines if line not in ("api", "ready")]
        if trouble and (text.endswith("\n") or not data):
            raise Failure(" ".join(trouble))
        if not data:
            raise Failure(f"it ended while starting; the last lines of {state.log}:\n{_tail(state)}")


def _tail(state: State) -> str:
    try:
        return "\n".join(state.log.read_text(errors="replace").splitlines()[-_LOG_TAIL:])
    except OSError:
        return "(no log)"


def down(state: State) -> int:
    """Raises Failure."""
    try:
        stopped = state.stop()
    except (PermissionError, TimeoutError) as error:
        raise Failure(str(error)) from None
    state.clear()
    print("stopped, nothing left" if stopped else "not running")
    return 0


def status(state: State) -> int:
    """Exit code 1 where it does not run."""
    record = state.running()
    if record is None:
        killed = state.read() is not None
        print("not running" + (" (it was killed; `linkerd sandbox down` tidies up)" if killed else ""))
        return 1
    used = usage(record.pid)
    print(f"running     https://127.0.0.1:{record.api_port}")
    print(f"kubeconfig  {state.kubeconfig}")
    print(f"mode        {record.mode} (pid {record.pid}, up {_uptime(record)})")
    print(f"processes   {used.processes}, {used.pss_bytes / 1e6:.0f} MB (PSS)")
    print(f"log         {state.log}")
    return 0


def _uptime(record: Record) -> str:
    since_boot = float(Path("/proc/uptime").read_text().split()[0])
    seconds = int(since_boot - record.start_ticks / os.sysconf("SC_CLK_TCK"))
    return f"{seconds // 3600}h{seconds % 3600 // 60:02}m" if seconds >= 3600 else f"{seconds // 60}m{seconds % 60:02}s"


def kubeconfig(state: State) -> int:
    """Prints the path, for `export KUBECONFIG=$(linkerd sandbox kubeconfig)`. Raises Failure."""
    if state.running() is None:
        raise Failure("the sandbox is not running: linkerd sandbox up")
    print(state.kubeconfig)
    return 0


def logs(state: State, name: str, namespace: str, container: str) -> int:
    """The supervisor's log, or the logs of pods whose name begins so, from disk. Raises Failure."""
    if name == "supervisor":
        if not state.log.is_file():
            raise Failure(f"there is no log at {state.log}")
        sys.stdout.write(state.log.read_text(errors="replace"))
        return 0
    from linkerd_sandbox.kubelet.logs import read_plain

    found = [
        folder
        for pod in sorted(state.pod_logs.glob("*_*_*"))
        if pod.name.split("_")[1].startswith(name) and namespace in ("", pod.name.split("_")[0])
        for folder in sorted(pod.iterdir())
        if container in ("", folder.name)
    ]
    if not found:
        raise Failure(f'no logs of a pod "{name}"')
    for folder in found:
        if len(found) > 1:
            print(f"==> {folder.parent.name.split('_')[1]} {folder.name} <==", flush=True)
        sys.stdout.buffer.write(read_plain(folder))
        sys.stdout.flush()
    return 0


def kubectl(state: State, arguments: list[str], environ: MappingType[str, str]) -> int:
    """The user's own kubectl where there is one, else the few commands that we have ourselves. Raises Failure."""
    if state.running() is None:
        raise Failure("the sandbox is not running: linkerd sandbox up")
    found = shutil.which("kubectl", path=environ.get("PATH"))
    if found is not None:
        os.execve(found, ["kubectl", *arguments], dict(environ) | {"KUBECONFIG": str(state.kubeconfig)})
    from linkerd_sandbox.kubectl import run

    return run(state.kubeconfig, arguments)


def chaos(state: State, arguments: argparse.Namespace) -> int:
    """Raises Failure."""
    from linkerd_sandbox.chaos import ChaosFailed, ask

    if state.running() is None:
        raise Failure("the sandbox is not running: linkerd sandbox up")
    fields = ("action", "target", "amount", "namespace", "container")
    try:
        done = ask(state.directory, {field: getattr(arguments, field) for field in fields})
    except ChaosFailed as error:
        raise Failure(str(error)) from None
    for name in done:
        print(f"{arguments.action}: {name}")
    return 0


def image(state: State, arguments: argparse.Namespace) -> int:
    """Mappings live in images.json; a running sandbox reads it again at the next start of a container."""
    path = state.directory / "images.json"
    mappings: dict[str, Mapping | list[str]] = {}
    if path.is_file():
        try:
            mappings = json.loads(path.read_text())
        except ValueError as error:
            raise Failure(f"{path}: {error}") from None
    if arguments.image_command == "list":
        for name, mapping in sorted(mappings.items()):
            print(name, "--", *(mapping["command"] if isinstance(mapping, dict) else mapping))
        return 0
    from linkerd_sandbox.images import repository_of

    repository = repository_of(arguments.name)
    if arguments.image_command == "add":
        from linkerd_sandbox.environments import BadEnvironment, describe

        try:
            mappings[repository] = describe(list(arguments.words), arguments.venv, arguments.source)
        except BadEnvironment as error:
            raise Failure(str(error)) from None
    elif mappings.pop(repository, None) is None:
        raise Failure(f'no mapping for "{arguments.name}"')
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(mappings, indent=2) + "\n")
    temporary.replace(path)
    return 0
