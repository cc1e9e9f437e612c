"""TokenReviews: whom they name."""

from typing import Any

import aiohttp
import pytest

from linkerd_identity.tokens import Account, ReviewFailed, TokenRefused, account_of, review
from linkerd_kube import KubeClient
from linkerd_testkit.kube import FakeKube


def status(**changes: Any) -> dict[str, Any]:
    user = {"username": "system:serviceaccount:emojivoto:web", "uid": "u-1"}
    return {"status": {"authenticated": True, "user": user, "audiences": ["identity.l5d.io"], **changes}}


def test_the_account() -> None:
    account = account_of(status())
    assert account == Account("emojivoto", "web", "u-1")
    assert account.identity("linkerd", "cluster.local") == (
        "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"
    )
    bound = status()
    bound["status"]["user"]["extra"] = {"authentication.kubernetes.io/pod-uid": ["p-1"]}
    assert account_of(bound).pod_uid == "p-1"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({}, "not valid"),
        (status(authenticated=False, error="expired"), "not valid"),
        (status(authenticated="true"), "not valid"),
        (status(audiences=["https://kubernetes.default.svc"]), "audience"),
        (status(audiences=None), "audience"),
        (status(user={"username": "alice"}), "ServiceAccount"),
        (status(user={"username": "system:serviceaccount:emojivoto"}), "ServiceAccount"),
        (status(user={"username": "system:serviceaccount::web"}), "ServiceAccount"),
        (status(user=None), "ServiceAccount"),
    ],
)
def test_refused(answer: dict[str, Any], words: str) -> None:
    with pytest.raises(TokenRefused, match=words):
        account_of(answer)


async def test_asked_of_the_api_server(kube: FakeKube) -> None:
    kube.account("good", "emojivoto", "web", "pod-1")
    async with aiohttp.ClientSession() as session:
        client = KubeClient(kube.url, session)
        assert (await review(client, "good")).pod_uid == "pod-1"
        with pytest.raises(TokenRefused):
            await review(client, "bad")
        kube.down = True
        with pytest.raises(ReviewFailed):
            await review(client, "good")
