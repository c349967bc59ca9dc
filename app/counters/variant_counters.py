"""Contacts by the variant that a split gave them, as counters in `node_stats` of the version that gave it.

    variant.contacts.VARIANT    contacts that have it: one that enters again counts once
    variant.converted.VARIANT   those of them whose runs in this workflow have reached a goal since

The engine counts in the statement that writes `split_exposures`, so no page counts rows. What was erased stays in the
sums, and what a contact did with a variant that was taken out before it got another one.
"""

from __future__ import annotations

from collections.abc import Mapping

PREFIX = "variant."
CONTACTS, CONVERTED = f"{PREFIX}contacts.", f"{PREFIX}converted."


def contacts_by_variant(counters: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Of the counters of one step: how many contacts have each variant, and how many of those reached a goal. None have: no entry."""
    by_variant = {
        key.removeprefix(CONTACTS): (count, counters.get(CONVERTED + key.removeprefix(CONTACTS), 0))
        for key, count in counters.items()
        if key.startswith(CONTACTS)
    }
    return {variant: counts for variant, counts in sorted(by_variant.items()) if counts[0] > 0}
