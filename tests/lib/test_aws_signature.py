"""Signature Version 4 by the vectors that Amazon publishes for whoever writes it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.lib.aws_signature import AwsScope, signed_headers

SCOPE = AwsScope("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "service")
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "signature"),
    [
        ("GET", "/", (), b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", (), b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("GET", "/?Param2=value2&Param1=value1", (), b"", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ("GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", (), b"",
         "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
        ("GET", "/ሴ", (), b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        ("POST", "/", (("Content-Type", "application/x-www-form-urlencoded"),), b"Param1=value1",
         "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
    ],
    ids=["get-vanilla", "post-vanilla", "get-vanilla-query-order-key-case", "get-unreserved", "get-utf8", "post-x-www-form-urlencoded"],
)  # fmt: skip
def test_a_published_vector(
    method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes, signature: str
) -> None:
    (date, time), (name, proof) = signed_headers(SCOPE, method, "example.amazonaws.com", target, headers, body, AT)
    assert (date, time, name) == ("X-Amz-Date", "20150830T123600Z", "Authorization")
    assert proof.startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders="
    )
    assert proof.endswith(f", Signature={signature}")
