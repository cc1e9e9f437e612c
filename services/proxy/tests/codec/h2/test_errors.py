"""Names of codes and texts of errors."""

from linkerd_proxy.codec.h2.errors import COMPRESSION_ERROR, ENHANCE_YOUR_CALM, H2Error, HpackError, code_name


def test_names() -> None:
    assert code_name(0) == "NO_ERROR"
    assert code_name(ENHANCE_YOUR_CALM) == "ENHANCE_YOUR_CALM"
    assert code_name(0xD) == "HTTP_1_1_REQUIRED"
    assert code_name(0x99) == "0x99"


def test_errors_carry_their_code() -> None:
    assert str(H2Error("why", 1)) == "PROTOCOL_ERROR: why"
    assert HpackError("why").code == COMPRESSION_ERROR
