"""Every source file has a test of its own path, or the reason why another test is its test."""

from pathlib import Path
from typing import Final

_TESTS: Final = Path(__file__).parent
_SOURCE: Final = _TESTS.parent / "src/linkerd_sandbox"

_WHOLE: Final = "needs namespaces and processes: only a whole sandbox runs it"
_TABLE: Final = "rows of one table, tested through the table"
_SERVER: Final = "wiring of the server, seen through its HTTP face"

ELSEWHERE: Final[dict[str, tuple[str, str]]] = {
    "commands.py": ("test_supervisor.py", _WHOLE),
    "controllers/actions.py": ("controllers/test_controller.py", "plain values"),
    "controllers/manager.py": ("test_supervisor.py", _WHOLE),
    "net/kernel.py": ("test_supervisor.py", _WHOLE),
    "net/podnet.py": ("test_supervisor.py", _WHOLE),
    "kubelet/backend.py": ("test_supervisor.py", _WHOLE),
    "kubelet/container.py": ("test_supervisor.py", _WHOLE),
    "kubelet/init.py": ("test_supervisor.py", _WHOLE),
    "kubelet/launch.py": ("test_supervisor.py", _WHOLE),
    "kubelet/node.py": ("test_supervisor.py", _WHOLE),
    "kubelet/pod.py": ("test_supervisor.py", _WHOLE),
    "kubelet/probing.py": ("test_supervisor.py", _WHOLE),
    "faults/errors.py": ("faults/test_control.py", "one class"),
    "kubelet/recipe.py": ("test_pods.py", _WHOLE),
    "apiserver/__main__.py": ("apiserver/test_server.py", "a few lines around the server, for people"),
    "apiserver/authentication.py": ("apiserver/test_tokens.py", _SERVER),
    "apiserver/authorization.py": ("apiserver/test_rbac.py", _SERVER),
    "apiserver/bootstrap.py": ("apiserver/test_rbac.py", _SERVER),
    "apiserver/call.py": ("apiserver/test_decoding.py", "plain values"),
    "apiserver/certificates.py": ("apiserver/test_server.py", "clients verify what it issues"),
    "apiserver/definitions.py": ("apiserver/test_crds.py", _SERVER),
    "apiserver/forwarding.py": ("apiserver/test_proxying.py", "both proxies go through it"),
    "apiserver/identity.py": ("apiserver/test_tokens.py", "plain values"),
    "apiserver/kinds.py": ("apiserver/test_discovery.py", "a table, shown by discovery"),
    "apiserver/node.py": ("apiserver/test_kubectl.py", "a protocol; logs and port-forward go through it"),
    "apiserver/objects.py": ("apiserver/test_patch.py", "look-ups that every room uses"),
    "apiserver/podstreams.py": ("apiserver/test_kubectl.py", "kubectl logs and port-forward"),
    "apiserver/represent.py": ("apiserver/test_kubectl.py", "every get and list"),
    "apiserver/reviews.py": ("apiserver/test_tokens.py", _SERVER),
    "apiserver/rules.py": ("apiserver/test_resources.py", _SERVER),
    "apiserver/scales.py": ("apiserver/test_subresources.py", _SERVER),
    "apiserver/execution/channels.py": ("apiserver/execution/test_session.py", "kubectl exec over WebSocket"),
    "apiserver/execution/streams.py": ("apiserver/execution/test_session.py", "kubectl exec over SPDY"),
    "kubelet/execution.py": ("apiserver/execution/test_session.py", "kubectl exec, its process a local one"),
    "apiserver/portforward/streams.py": ("apiserver/test_kubectl.py", "kubectl port-forward, both protocols"),
    "apiserver/portforward/target.py": ("apiserver/test_kubectl.py", "kubectl port-forward, both protocols"),
    "apiserver/portforward/upgrade.py": ("apiserver/test_kubectl.py", "kubectl port-forward, both protocols"),
    "apiserver/validation/causes.py": ("apiserver/validation/test_table.py", _TABLE),
    "apiserver/validation/cluster.py": ("apiserver/validation/test_table.py", _TABLE),
    "apiserver/validation/containers.py": ("apiserver/validation/test_table.py", _TABLE),
    "apiserver/validation/fields.py": ("apiserver/validation/test_table.py", _TABLE),
    "apiserver/validation/meta.py": ("apiserver/validation/test_table.py", _TABLE),
    "apiserver/validation/names.py": ("apiserver/validation/test_table.py", _TABLE),
    "apiserver/validation/pods.py": ("apiserver/validation/test_table.py", _TABLE),
    "apiserver/validation/kept.py": ("apiserver/validation/test_table.py", _TABLE),
    "apiserver/validation/scheduling.py": ("apiserver/validation/test_table.py", _TABLE),
    "apiserver/validation/signing.py": ("apiserver/validation/test_table.py", _TABLE),
    "apiserver/validation/workloads.py": ("apiserver/validation/test_table.py", _TABLE),
    "apiserver/defaults/cluster.py": ("apiserver/defaults/test_table.py", _TABLE),
    "apiserver/defaults/pods.py": ("apiserver/defaults/test_table.py", _TABLE),
    "apiserver/defaults/workloads.py": ("apiserver/defaults/test_table.py", _TABLE),
    "apiserver/admission/chain.py": ("apiserver/admission/test_webhooks.py", "real webhooks over TLS"),
    "apiserver/admission/match.py": ("apiserver/admission/test_webhooks.py", "real webhooks over TLS"),
    "apiserver/admission/review.py": ("apiserver/admission/test_webhooks.py", "real webhooks over TLS"),
}
"""Source file -> (the test that runs it, why it has none of its own)."""


def _sources() -> list[Path]:
    found = (path.relative_to(_SOURCE) for path in sorted(_SOURCE.rglob("*.py")))
    return [path for path in found if path.name != "__init__.py"]


def _own(path: Path) -> Path:
    return _TESTS / path.parent / f"test_{path.stem.strip('_')}.py"


def test_every_source_file_has_a_test() -> None:
    assert [str(path) for path in _sources() if not _own(path).exists() and str(path) not in ELSEWHERE] == []


def test_the_reasons_are_needed_and_lead_to_tests() -> None:
    stale = [name for name in ELSEWHERE if not (_SOURCE / name).exists() or _own(Path(name)).exists()]
    assert stale == []
    assert [test for test, _ in ELSEWHERE.values() if not (_TESTS / test).exists()] == []


def test_files_stay_short() -> None:
    assert [str(path) for path in _sources() if len((_SOURCE / path).read_text().splitlines()) > 400] == []
