"""Whether a text is an email address is asked in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.accounts.service import clean_email
from app.errors import Invalid
from app.lib.addresses import BadAddress, email, is_mailable, spelled
from app.messaging.channels.email.smtp_connector import sender_address
from app.nodes.send_email import SendEmail, SendEmailConfig

APP = Path(__file__).resolve().parents[2] / "app"


def test_one_module_knows_what_an_address_looks_like() -> None:
    asking = [path for path in APP.rglob("*.py") if "email_validator" in path.read_text()]
    assert asking == [APP / "lib" / "addresses.py"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (" Sales.Team@ACME.example ", "Sales.Team@acme.example"),
        ("Müller@Bücher.example", "Müller@bücher.example"),
        ("a+b@x.co", "a+b@x.co"),
    ],
)
def test_a_sender_keeps_the_letters_it_was_written_with(text: str, kept: str) -> None:
    assert spelled(text) == sender_address(text) == kept
    assert email(kept) == email(text)


@pytest.mark.parametrize(
    "text", ["a@b@c.de", "@b.de", "a b@c.de", "a@b..de", "a@[1.2.3.4]\r\nX: y", "x" * 330 + "@b.de"]
)
def test_what_no_mail_server_can_be_told_is_refused_by_every_door(text: str) -> None:
    assert not is_mailable(text)
    with pytest.raises(BadAddress):
        email(text)
    with pytest.raises(Invalid):
        clean_email(text)
    with pytest.raises(Invalid):
        sender_address(text)
    diagnostics = SendEmail.diagnostics(SendEmailConfig(from_email=text))
    assert any(diagnostic.path == "fromEmail" for diagnostic in diagnostics)


@pytest.mark.parametrize("text", ["root@localhost", "Owner@Intranet", "o'neil@example.com"])
def test_accounts_take_addresses_of_networks_without_public_names(text: str) -> None:
    assert clean_email(text) == text.lower()
