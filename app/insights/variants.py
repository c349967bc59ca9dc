"""The results of a split: of its counters, and in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from app.counters.run_counters import Counters
from app.counters.variant_counters import contacts_by_variant
from app.insights.experiments import chances_of_being_best, wilson_interval
from app.insights.schemas import VariantStats
from app.lib.formats import number
from app.lib.translation import gettext

FEWEST_CONTACTS, FEWEST_CONVERTED = 100, 10
"""Before each variant has so many contacts, and so many of all reached a goal, no variant is called the best."""
SURE = 95.0
"""From this probability on, in percent."""


def variant_stats(counters: Counters) -> dict[str, VariantStats] | None:
    """By variant, of the counters of one step; None for a step that gave nobody one."""
    by_variant = contacts_by_variant(counters)
    chances = chances_of_being_best(list(by_variant.values()))
    stats = {}
    for (variant, (contacts, converted)), chance in zip(by_variant.items(), chances, strict=True):
        low, high = wilson_interval(converted, contacts)
        stats[variant] = VariantStats(
            contacts=contacts,
            converted=converted,
            conversion_rate=round(100 * converted / contacts, 2),
            low=round(100 * low, 2),
            high=round(100 * high, 2),
            chance_best=round(100 * chance, 1),
        )
    return stats or None


def compared(variants: Mapping[str, VariantStats], ports: Collection[str]) -> dict[str, VariantStats]:
    """Those that are still ways out of the split, compared with one another alone: what was taken out cannot win."""
    open_variants = {variant: one for variant, one in variants.items() if variant in ports}
    chances = chances_of_being_best([(one.contacts, one.converted) for one in open_variants.values()])
    return {
        variant: msgspec.structs.replace(one, chance_best=round(100 * chance, 1))
        for (variant, one), chance in zip(open_variants.items(), chances, strict=True)
    }


def split_verdict(variants: Mapping[str, VariantStats], labels: Mapping[str, str]) -> str:
    """What may be concluded, in one sentence that promises no more than the numbers do."""
    converted = sum(one.converted for one in variants.values())
    if len(variants) < 2:
        return gettext("Only one variant has contacts yet, so there is nothing to compare.")
    if not converted:
        return gettext("No contact has reached a goal of this workflow yet.")
    if converted < FEWEST_CONVERTED or any(one.contacts < FEWEST_CONTACTS for one in variants.values()):
        return gettext(
            "Too early to tell: wait until each variant has %(fewest_contacts)s contacts and "
            "%(fewest_converted)s reached a goal.",
            fewest_contacts=FEWEST_CONTACTS,
            fewest_converted=FEWEST_CONVERTED,
        )
    leader = max(variants, key=lambda variant: variants[variant].chance_best)
    chance = min(variants[leader].chance_best, 99.9)
    values = {"variant": labels.get(leader, leader), "chance": number(chance, 0 if chance == int(chance) else 1)}
    if chance >= SURE:
        return gettext("“%(variant)s” is the best with a probability of %(chance)s%%.", **values)
    return gettext("No clear winner yet: “%(variant)s” is the best with a probability of %(chance)s%%.", **values)
