"""The init step's arguments where user ids cannot be told apart."""

from linkerd_sandbox.kubelet import oneuid


def test_ids_give_way_to_the_mark() -> None:
    mark = ["--proxy-mark", str(oneuid.MARK)]
    assert oneuid.init_arguments(["init", "--proxy-uid", "2102", "--ipv6=false"]) == ["init", "--ipv6=false", *mark]
    assert oneuid.init_arguments(["init", "--proxy-uid=2102", "--proxy-gid", "1"]) == ["init", *mark]
    assert oneuid.init_arguments(["proxy"]) == ["proxy"]
