"""The guard against other connections' EPIPE: shown on real TLS streams, on which the fault is provoked once."""

from __future__ import annotations

import asyncio
import datetime
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tornado.iostream import SSLIOStream, StreamClosedError
from tornado.tcpclient import TCPClient
from tornado.tcpserver import TCPServer

from regional_hub.hub import tls_guard


@pytest.fixture
def unguarded(monkeypatch):
    """Streams as tornado made them, whatever was installed before; put back afterwards."""
    read = SSLIOStream.read_from_fd
    monkeypatch.setattr(SSLIOStream, "read_from_fd", getattr(read, "__wrapped__", read))


@pytest.fixture
def contexts(tmp_path):
    """A server's and a client's TLS context with one throw-away certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    pem += key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    place = tmp_path / "both.pem"
    place.write_bytes(pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(place)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    return server, client


class Echo(TCPServer):
    async def handle_stream(self, stream, address):
        while True:
            try:
                await stream.write(await stream.read_until(b"\n"))
            except StreamClosedError:
                return


async def ask_with_faults(contexts, faults: int) -> bytes:
    """One question on a healthy connection whose next `faults` reads report another connection's EPIPE."""
    server, client = contexts
    echo = Echo(ssl_options=server)
    echo.listen(0, "127.0.0.1")
    port = next(iter(echo._sockets.values())).getsockname()[1]
    stream = await TCPClient().connect("127.0.0.1", port, ssl_options=client)
    try:
        await stream.write(b"first\n")
        assert await stream.read_until(b"\n") == b"first\n"
        _spoil(stream, faults)
        await stream.write(b"second\n")
        return await asyncio.wait_for(stream.read_until(b"\n"), 5)
    finally:
        stream.close()
        echo.stop()


def _spoil(stream: SSLIOStream, faults: int) -> None:
    healthy, left = stream.socket, [faults]

    class Spoiled:
        def recv_into(self, *words):
            if left[0]:
                left[0] -= 1
                raise BrokenPipeError(32, "Broken pipe")
            return healthy.recv_into(*words)

        def __getattr__(self, name):
            return getattr(healthy, name)

    stream.socket = Spoiled()


async def test_without_the_guard_a_healthy_connection_dies(unguarded, contexts):
    with pytest.raises(StreamClosedError):
        await ask_with_faults(contexts, 1)


@pytest.mark.parametrize("faults", [1, 2])
async def test_with_the_guard_it_survives(unguarded, contexts, monkeypatch, faults):
    monkeypatch.setattr(ssl, "OPENSSL_VERSION_INFO", (3, 5, 0, 0, 0))

    assert tls_guard.install()
    assert tls_guard.install()  # twice is as good as once
    assert await ask_with_faults(contexts, faults) == b"second\n"


async def test_an_error_that_stays_is_not_hidden(unguarded, contexts, monkeypatch):
    monkeypatch.setattr(ssl, "OPENSSL_VERSION_INFO", (3, 6, 0, 0, 0))

    tls_guard.install()
    with pytest.raises(StreamClosedError):
        await ask_with_faults(contexts, 1000)


@pytest.mark.parametrize(
    ("version", "needed"),
    [((3, 0, 19, 0, 0), False), ((3, 4, 9, 0, 0), False), ((3, 5, 0, 0, 0), True), ((3, 6), True), ((4, 0), True)],
)
def test_it_is_installed_from_openssl_3_5_on(unguarded, monkeypatch, version, needed):
    monkeypatch.setattr(ssl, "OPENSSL_VERSION_INFO", version)
    before = SSLIOStream.read_from_fd

    assert tls_guard.install() is needed
    assert (SSLIOStream.read_from_fd is not before) is needed
