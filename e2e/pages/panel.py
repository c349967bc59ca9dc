"""The form in the builder's panel, as a person fills it."""

from __future__ import annotations

from playwright.sync_api import Page, expect


class PanelForm:
    def __init__(self, page: Page) -> None:
        self.page = page

    def fill(self, field: str, text: str) -> None:
        """Fill a field, and leave it."""
        control = self.page.locator(f"#{field}")
        control.fill(text)
        control.press("Tab")

    def choose_zone(self, typed: str) -> None:
        """Take the first time zone that fits what is typed: by keyboard, as people do."""
        control = self.page.locator("#panel").get_by_role("combobox", name="Time zone")
        control.fill(typed)
        control.press("Enter")

    def choose(self, field: str, text: str) -> None:
        self.page.locator(f"#{field}").select_option(label=text)

    def add_rule(self, field: str, value: str) -> None:
        """One more condition: `field` is `value`."""
        self.page.locator("form[data-about] fieldset.conditions > .hrow [data-add=row-condition]").first.click()
        rule = self.page.locator("form[data-about] .cond").last
        rule.get_by_label("Field").fill(field)
        rule.get_by_label("Value").fill(value)
        rule.get_by_label("Value").press("Tab")

    def close(self) -> None:
        close = self.page.locator(".panel [data-do=close], #panel [data-do=close]")
        if close.is_visible():
            close.click()
            expect(close).to_be_hidden()
