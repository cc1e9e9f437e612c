"""TLS contexts over real sockets: names, versions, client certificates, and the swap on a live listener."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvloop

from linkerd_runtime import pki, tls

NAME = "server.example"


def validity() -> pki.Validity:
    now = datetime.now(UTC)
    return pki.Validity(now - timedelta(minutes=1), now + timedelta(hours=1))


class Files:
    """A CA, and leaves of it as files."""

    def __init__(self, directory: Path, name: str) -> None:
        self.directory = directory
        self.authority = pki.make_ca(name, validity())
        self.pem = self.authority.certificate_pem

    def leaf(self, name: str) -> tuple[str, str]:
        key = pki.new_key()
        certificate = pki.make_leaf(self.authority, key.public_key(), name, [name], validity())
        stem = f"{certificate.serial_number:x}"
        chain, key_path = self.directory / f"{stem}.pem", self.directory / f"{stem}.key"
        chain.write_text(pki.pem(certificate))
        key_path.write_text(pki.private_pem(key))
        return str(chain), str(key_path)


@asynccontextmanager
async def listener(context: ssl.SSLContext) -> AsyncIterator[int]:
    """An echo server."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def hello(port: int, context: ssl.SSLContext, name: str = NAME) -> dict[str, object]:
    """The server's certificate, after a byte went there and back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    try:
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
        certificate: dict[str, object] = writer.get_extra_info("ssl_object").getpeercert()
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
    finally:
        writer.close()
        await writer.wait_closed()
    return certificate


async def test_name_chain_and_version_are_checked(tmp_path: Path) -> None:
    ours, other = Files(tmp_path, "ours"), Files(tmp_path, "other")
    async with listener(tls.server_context(*ours.leaf(NAME))) as port:
        await hello(port, tls.client_context(ours.pem))
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await hello(port, tls.client_context(ours.pem), "another.example")
        with pytest.raises(ssl.SSLCertVerificationError):
            await hello(port, tls.client_context(other.pem))
        old = tls.client_context(ours.pem)
        old.minimum_version = ssl.TLSVersion.TLSv1_2
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await hello(port, old)


async def test_a_common_name_never_counts(tmp_path: Path) -> None:
    files = Files(tmp_path, "ours")
    key = pki.new_key()
    certificate = pki.make_leaf(files.authority, key.public_key(), NAME, ["other.example"], validity())
    (tmp_path / "cn.pem").write_text(pki.pem(certificate))
    (tmp_path / "cn.key").write_text(pki.private_pem(key))
    async with listener(tls.server_context(str(tmp_path / "cn.pem"), str(tmp_path / "cn.key"))) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await hello(port, tls.client_context(files.pem))


async def test_client_certificates_are_demanded(tmp_path: Path) -> None:
    files, other = Files(tmp_path, "ours"), Files(tmp_path, "other")
    async with listener(tls.server_context(*files.leaf(NAME), files.pem)) as port:
        await hello(port, tls.client_context(files.pem, *files.leaf("client.example")))
        for refused in (tls.client_context(files.pem), tls.client_context(files.pem, *other.leaf("client.example"))):
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await hello(port, refused)


def test_swapping_on_a_live_listener(tmp_path: Path) -> None:
    """On uvloop, which control plane processes run on."""
    old, new = Files(tmp_path, "old"), Files(tmp_path, "new")
    client_old = tls.client_context(old.pem, *old.leaf("client.example"))
    client_new = tls.client_context(new.pem, *new.leaf("client.example"))

    async def main() -> None:
        reloadable = tls.ReloadableServerContext(tls.server_context(*old.leaf(NAME), old.pem))
        async with listener(reloadable.context) as port:
            await hello(port, client_old)
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_old, server_hostname=NAME)
            writer.write(b"1")
            assert await reader.readexactly(1) == b"1"
            reloadable.swap(tls.server_context(*new.leaf(NAME), new.pem))
            # New handshakes: another certificate, and another CA for clients. The open connection goes on.
            await hello(port, client_new)
            with pytest.raises(ssl.SSLError):
                await hello(port, client_old)
            mixed = tls.client_context(new.pem, *old.leaf("client.example"))
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await hello(port, mixed)
            writer.write(b"2")
            assert await reader.readexactly(1) == b"2"
            writer.close()
            await writer.wait_closed()
            with pytest.raises(ValueError, match="verification mode"):
                reloadable.swap(tls.server_context(*new.leaf(NAME)))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
