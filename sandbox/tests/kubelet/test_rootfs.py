"""What containers see of this machine."""

from pathlib import Path

from linkerd_sandbox.kubelet import rootfs


def test_editable_checkouts_are_found_whole(tmp_path: Path) -> None:
    checkout, packages = tmp_path / "checkout", tmp_path / "packages"
    source, alone = checkout / "libs" / "one" / "src", tmp_path / "alone"
    for path in (source, alone, packages, checkout / ".git"):
        path.mkdir(parents=True)
    (packages / "one.pth").write_text(f"{source}\nimport something\n/no/such/place\n")
    (packages / "two.pth").write_text(f"{alone}\n")
    assert rootfs.editable_roots([packages]) == [alone, checkout]


def test_outermost() -> None:
    paths = [Path("/a/b"), Path("/a"), Path("/c/d"), Path("/ab")]
    assert rootfs.outermost(paths) == [Path("/a"), Path("/ab"), Path("/c/d")]


def test_this_machine_s_plan_reaches_usr_and_the_interpreter() -> None:
    plan = rootfs.plan()
    targets = {target for _, target, _ in plan.binds}
    assert "/usr" in targets
    assert all(mode == "ro" for _, _, mode in plan.binds)
    assert plan.path.startswith(plan.scripts)


def test_etc() -> None:
    files = rootfs.etc_files("web", ("10.42.0.9",), [("1.2.3.4", ["a", "b"])], "x")
    assert "10.42.0.9\tweb\n1.2.3.4\ta b\n" in files["/etc/hosts"]
    assert files["/etc/hostname"] == "web\n"
    assert rootfs.resolv_conf("shop", "10.43.0.10", "cluster.local") == (
        "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.43.0.10\noptions ndots:5\n"
    )


def test_what_lies_below_a_volume_is_mounted_after_it() -> None:
    binds = [
        ("/tmp/checkout", "/tmp/checkout", "ro"),
        ("/usr", "/usr", "ro"),
        ("/v/1", "/tmp", "rw"),
        ("/x", "/tmp-x", "ro"),
    ]
    assert [bind[1] for bind in rootfs.in_mount_order(binds)] == ["/tmp", "/tmp/checkout", "/tmp-x", "/usr"]
