"""Both sides' SETTINGS."""

import pytest
from services.proxy.tests.codec.h2.wire import parse_frames

from linkerd_proxy.codec.h2 import frames
from linkerd_proxy.codec.h2.errors import H2Error
from linkerd_proxy.codec.h2.settings import H2Settings, PeerSettings


def sent(settings: H2Settings, *, client: bool) -> dict[int, int]:
    kind, _, _, payload = parse_frames(settings.first_frames(client=client))[0]
    assert kind == frames.SETTINGS
    return dict(frames.parse_settings(payload))


def test_first_frames() -> None:
    assert sent(H2Settings(), client=True) == {2: 0, 4: 65_535, 5: 16_384, 6: 65_536}
    assert sent(H2Settings(max_concurrent_streams=7), client=False)[3] == 7
    assert sent(H2Settings(header_table_size=0), client=False)[1] == 0
    hello = H2Settings().first_frames(client=True)
    assert hello.startswith(frames.PREFACE)
    assert parse_frames(hello)[1] == (frames.WINDOW_UPDATE, 0, 0, (1_048_576 - 65_535).to_bytes(4, "big"))


@pytest.mark.parametrize(
    "values",
    [
        {"stream_window": 0},
        {"stream_window": 2**31},
        {"connection_window": 65_534},
        {"max_frame_size": 16_383},
        {"max_frame_size": 2**24},
        {"max_concurrent_streams": 0},
        {"header_table_size": -1},
    ],
)
def test_values_out_of_range(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        H2Settings(**values)


def test_the_last_value_counts() -> None:
    peer = PeerSettings()
    peer.apply([(3, 1), (3, 2), (6, 3), (8, 1), (0x99, 5)], from_server=False)
    assert (peer.max_concurrent_streams, peer.max_header_list_size) == (2, 3)
    with pytest.raises(H2Error, match="ENABLE_CONNECT_PROTOCOL"):
        peer.apply([(8, 2)], from_server=False)
