"""Mail over encrypted connections: the same talk as in the clear, with a certificate that is looked at."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from app.lib import egress
from app.messaging.channels.email import smtp_connection
from app.messaging.channels.email.smtp import SmtpPool
from app.messaging.channels.email.smtp_connection import Mail, MailServer
from tests.fixtures.sink import Sink

Security = Literal["tls", "starttls"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine that it signed itself, and its key, in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "here.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + made.public_bytes(Encoding.PEM))
    return path


@pytest.fixture(params=["tls", "starttls"])
def encrypted(request: pytest.FixtureRequest, certificate: Path) -> Iterator[tuple[Security, Sink]]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    option = {"tls": "ssl_context", "starttls": "tls_context"}[request.param]
    sink = Sink(pipelining=True, data_size_limit=10_000_000, **{option: context})
    sink.start()
    yield request.param, sink
    sink.stop()


async def test_mails_leave_over_one_encrypted_connection(
    encrypted: tuple[Security, Sink], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    security, sink = encrypted
    monkeypatch.setattr(smtp_connection, "_trust", lambda: ssl.create_default_context(cafile=str(certificate)))
    server, links = MailServer(host="127.0.0.1", port=sink.port, security=security), SmtpPool()
    for size in (10, 4_000_000, 10):  # the second is more than the buffers take
        text = (
            b"Subject: Hi\r\nMessage-ID: <1@x>\r\n\r\n"
            + b"a line of some sixty letters, which comes again and again\r\n" * (size // 60)
        )
        assert (await links.send(server, Mail("a@b.example", "c@d.example", text))).kind == "sent"
    sink.script |= {"RCPT": ["550 5.1.1 No such user"]}
    assert (await links.send(server, Mail("a@b.example", "c@d.example", text))).reason == "bad_address"
    assert (await links.send(server, Mail("a@b.example", "c@d.example", text))).kind == "sent"
    assert (len(sink.mails), sink.connections) == (4, 1)
    await links.close()


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    encrypted: tuple[Security, Sink], monkeypatch: pytest.MonkeyPatch
) -> None:
    security, sink = encrypted
    monkeypatch.setattr(egress, "is_public", lambda _: True)
    result: Any = await SmtpPool().send(
        MailServer(host="127.0.0.1", port=sink.port, security=security), Mail("a@b.example", "c@d.example", b"Hi")
    )
    assert result.kind == "misconfigured" and "not trusted" in result.text and not sink.mails


def test_who_is_trusted_is_read_once() -> None:
    assert smtp_connection._trust() is smtp_connection._trust()
    assert smtp_connection._trust().verify_mode == ssl.CERT_REQUIRED and smtp_connection._trust().check_hostname
