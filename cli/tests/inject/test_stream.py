"""Streams: untouched documents leave byte for byte."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_cli.documents import split
from linkerd_cli.errors import CliError
from linkerd_cli.inject.stream import process, read_inputs
from linkerd_cli.inject.transform import Options, Report, inject_document
from linkerd_cli.tree import JsonObject


def _inject(document: JsonObject) -> tuple[JsonObject, Report]:
    return inject_document(document, Options())


def _process(text: str, output: str = "yaml") -> tuple[str, list[str]]:
    out, reports = process(split(text, "f"), _inject, output)
    return out, [f"{r.resource} {r.outcome}" for r in reports]


SERVICE = "# why\nkind:   Service  # odd\nmetadata: {name:   s, x: 0x10}\n"


def test_untouched_documents_keep_every_byte() -> None:
    out, said = _process(f"{SERVICE}---\n# licence\n---\n{SERVICE}")
    assert out == f"{SERVICE}---\n# licence\n---\n{SERVICE}---\n"
    assert said == ["service/s skipped", "service/s skipped"]


def test_lists_item_by_item() -> None:
    out, said = _process(
        "kind: List\nitems:\n- {kind: Namespace, metadata: {name: a}}\n- {kind: Service, metadata: {name: b}}\n"
    )
    assert said == ["namespace/a annotated", "service/b skipped"]
    assert "linkerd.io/inject: enabled" in out
    assert out.endswith("- kind: Service\n  metadata:\n    name: b\nkind: List\n---\n")


def test_json_out() -> None:
    out, _ = _process(f"{SERVICE}---\nkind: Namespace\nmetadata: {{name: a}}\n", "json")
    assert out == (
        '{"kind": "Service", "metadata": {"name": "s", "x": 16}}\n'
        '{"kind": "Namespace", "metadata": {"annotations": {"linkerd.io/inject": "enabled"}, "name": "a"}}\n'
    )


def test_json_in() -> None:
    out, said = _process('{\n\t"kind": "Namespace", "metadata": {"name": "a"}}')
    assert said == ["namespace/a annotated"]
    assert out == "kind: Namespace\nmetadata:\n  annotations:\n    linkerd.io/inject: enabled\n  name: a\n---\n"


def test_what_is_no_object_is_named() -> None:
    with pytest.raises(CliError, match=r"^f:3:1: not a Kubernetes object$"):
        _process("a: 1\n---\n- 1\n")


@given(st.lists(st.sampled_from([SERVICE, "kind: ConfigMap\n", "a: 1\n", "kind: Pod\nspec: {}\nx: [1,  2]\n"])))
def test_processing_its_own_output_changes_no_more(parts: list[str]) -> None:
    once, _ = _process("---\n".join(parts))
    assert _process(once)[0] == once


def test_directories_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text("kind: B\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.json").write_text('{"kind": "C"}')
    (tmp_path / "a.yaml").write_text("kind: A\n")
    (tmp_path / "README.md").write_text("# no\n")
    assert [d.text for d in read_inputs(str(tmp_path))] == ["kind: A\n", "kind: B\n", '{"kind": "C"}']


def test_inputs_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="No such file"):
        list(read_inputs(str(tmp_path / "none.yml")))
    with pytest.raises(CliError, match=r"no \.yaml, \.yml or \.json file"):
        list(read_inputs(str(tmp_path)))
    (tmp_path / "a.yml").write_bytes(b"a: \xff")
    with pytest.raises(CliError, match="not UTF-8 at byte 3"):
        list(read_inputs(str(tmp_path / "a.yml")))
    with pytest.raises(CliError, match=r"http://127\.0\.0\.1:1/a\.yml: "):
        list(read_inputs("http://127.0.0.1:1/a.yml"))
