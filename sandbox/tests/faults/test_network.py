"""Rules of cut and lossy links; nft reads them."""

import shutil
import subprocess

import pytest

from linkerd_sandbox.faults.network import LinkFault, script


def test_the_script() -> None:
    text = script({"vetha": LinkFault(partition=True), "vethb": LinkFault(loss_percent=5)})
    assert 'iifname "vetha" drop' in text
    assert 'oifname "vetha" drop' in text
    assert 'iifname "vethb" numgen random mod 100 < 5 drop' in text
    assert "\ntable" not in script({}), "nothing is left when nothing is wrong"


@pytest.mark.root
def test_nft_accepts_it() -> None:
    nft = shutil.which("nft", path="/usr/sbin:/usr/bin")
    if nft is None:
        pytest.skip("nft is not installed")
    texts = (
        script({"a": LinkFault(partition=True), "b": LinkFault(loss_percent=5), "c": LinkFault(loss_percent=100)}),
        script({}),
    )
    fed = "".join(f"{nft} -f - <<'EOF'\n{text}EOF\n" for text in texts)
    command = ["unshare", "--net", "--map-root-user", "sh", "-ec", f"{fed}{nft} list ruleset"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
