from linkerd_proxy.http.settings import h2_settings
from linkerd_proxy.settings import Http2Server


def test_every_setting_is_passed_on() -> None:
    made = h2_settings(Http2Server(70_000, 2_000_000, 7, 20_000, 9_000))
    assert (made.stream_window, made.connection_window, made.max_concurrent_streams) == (70_000, 2_000_000, 7)
    assert (made.max_frame_size, made.max_header_list_size) == (20_000, 9_000)
