"""Everything that is printed."""

import pytest

from linkerd_cli.install.manifests import as_object, manifests, without_definitions, write
from linkerd_cli.install.overrides import Overrides
from linkerd_cli.install.rendered import CONTROL_PLANE, documents
from linkerd_cli.tree import meta


def test_without_wishes_the_files() -> None:
    assert manifests(Overrides([]), "linkerd") == [document.text for document in documents(CONTROL_PLANE)]


def test_wishes_are_stored_behind_the_configuration() -> None:
    named = [meta(as_object(part), "name") for part in manifests(Overrides(["controllerReplicas=2"]), "mesh")]
    assert named.index("linkerd-config-overrides") == named.index("linkerd-config") + 1


def test_definitions_of_others(capsys: pytest.CaptureFixture[str]) -> None:
    parts = manifests(Overrides([]), "linkerd")
    kept = without_definitions(parts, {"servers.policy.linkerd.io": "somebody"})
    assert len(kept) == len(parts) - 1
    assert "servers.policy.linkerd.io belongs to somebody" in capsys.readouterr().err


def test_json_has_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    parts = manifests(Overrides([]), "linkerd")
    write(parts, "json")
    assert capsys.readouterr().out.count("\n") == len(parts)
