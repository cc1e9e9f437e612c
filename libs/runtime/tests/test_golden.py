"""The contract's golden documents of certify, as both of its sides read them."""

from pathlib import Path

from linkerd_contract import codec
from linkerd_contract.identity import CertifyRequest, CertifyResponse
from linkerd_contract.problem import Problem

GOLDEN = Path(__file__).parents[2] / "contract/tests/golden"


def test_certify() -> None:
    request = codec.decode((GOLDEN / "certify-request.json").read_bytes(), CertifyRequest)
    response = codec.decode((GOLDEN / "certify-response.json").read_bytes(), CertifyResponse)
    assert request.identity.startswith("web.emojivoto.")
    assert response.valid_until == "2026-01-02T03:04:05Z"


def test_refusals() -> None:
    problem = codec.decode((GOLDEN / "problem.json").read_bytes(), Problem)
    assert (problem.status, problem.code) == (403, "identity_mismatch")
