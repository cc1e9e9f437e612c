"""The program's edges: what it says to a bad environment, and with which exit code."""

import json
import os
import socket
import subprocess
import sys

import pytest


def run(**env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LINKERD2_PROXY_")}
    return subprocess.run(
        [sys.executable, "-m", "linkerd_proxy"],
        env=clean | {f"LINKERD2_PROXY_{name}": value for name, value in env.items()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_bad_variable_is_named_and_the_exit_code_is_64() -> None:
    result = run(OUTBOUND_LISTEN_ADDR="nowhere", INBOUND_CONNECT_TIMEOUT="fast", INBOUND_ORIGINAL_DST="x")
    assert result.returncode == 64
    for name in ("OUTBOUND_LISTEN_ADDR", "INBOUND_CONNECT_TIMEOUT", "INBOUND_ORIGINAL_DST", "IDENTITY_LOCAL_NAME"):
        assert f"LINKERD2_PROXY_{name}" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_bad_log_filter_is_a_bad_environment() -> None:
    result = run(IDENTITY_DISABLED="1", DESTINATION_SVC_ADDR="127.0.0.1:1", LOG="chatty")
    assert result.returncode == 64
    assert "LINKERD2_PROXY_LOG" in result.stderr


def test_logs_are_json_where_that_is_the_format() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        variables = {"DESTINATION_SVC_ADDR": "127.0.0.1:1", "ADMIN_LISTEN_ADDR": where, "LOG_FORMAT": "json"}
        variables["OUTBOUND_SERVER_HTTP2_MAX_SEND_BUF_SIZE"] = "1000"
        result = run(IDENTITY_DISABLED="1", **variables)
    assert result.returncode == 1
    warning, line = [json.loads(line) for line in result.stderr.splitlines()]
    assert warning["level"] == "WARN"
    assert "OUTBOUND_SERVER_HTTP2_MAX_SEND_BUF_SIZE has no effect" in warning["fields"]["message"]
    assert (line["level"], line["target"]) == ("ERROR", "linkerd_proxy.app")
    assert line["fields"]["message"] == f"cannot start: cannot listen on {where}: Address already in use"


def test_a_refused_socket_mark_is_exit_1_and_named() -> None:
    with socket.socket() as sock:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 1)
        except PermissionError:
            pass
        else:
            pytest.skip("this user may mark sockets")
    result = run(IDENTITY_DISABLED="1", DESTINATION_SVC_ADDR="127.0.0.1:1", SOCKET_MARK="19509")
    assert result.returncode == 1
    assert "LINKERD2_PROXY_SOCKET_MARK=19509" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_systems_certificates_are_not_loaded() -> None:
    code = "import linkerd_proxy.__main__, ssl; sys = ssl.create_default_context(); print(len(sys.get_ca_certs()))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert result.stdout == "0\n", result.stderr


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, linkerd_proxy.app;"
        "heavy = {'kubernetes_asyncio', 'cryptography', 'structlog', 'prometheus_client', 'yaml', 'linkerd_kube'};"
        "sys.exit(str(sorted(heavy & sys.modules.keys())) if heavy & sys.modules.keys() else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
