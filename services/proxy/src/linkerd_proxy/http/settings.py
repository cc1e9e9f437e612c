"""Settings of a listener, in the codec's form."""

from linkerd_proxy.codec.h2.settings import H2Settings
from linkerd_proxy.settings import Http2Server


def h2_settings(settings: Http2Server) -> H2Settings:
    """HTTP/2 towards clients."""
    return H2Settings(
        stream_window=settings.initial_stream_window_size,
        connection_window=settings.initial_connection_window_size,
        max_concurrent_streams=settings.max_concurrent_streams,
        max_frame_size=settings.max_frame_size,
        max_header_list_size=settings.max_header_list_size,
    )
