"""What can be pressed on a page and is too small to be hit: WCAG 2.5.8, with its exceptions for spacing and for links inside sentences."""

from __future__ import annotations

from typing import Any

LEAST_PX = 24
_SMALL = """(least) => {
    const modal = [...document.querySelectorAll('dialog[open]')].at(-1);
    const able = 'a[href], button, input:not([type=hidden]), select, textarea, summary, '
        + '[role=button], [role=tab], [role=option], [role=switch]';
    const seen = { opacityProperty: true, visibilityProperty: true };
    const shown = (one) => one.checkVisibility(seen) && !one.closest('[inert], [aria-hidden=true]');
    const whole = (one) => (one.matches('input, select, textarea') ? one.closest('label') ?? one.closest('.fld') ?? one : one);
    const targets = [...(modal ?? document).querySelectorAll(able)]
        .filter((one) => !one.disabled && shown(one) && !one.matches('flow-canvas .h'))
        .map((one) => ({ one, box: whole(one).getBoundingClientRect() })).filter(({ box }) => box.width > 1 && box.height > 1);
    const centre = (box) => [box.left + box.width / 2, box.top + box.height / 2];
    const hits = (one, x, y) => {
        const top = document.elementFromPoint(x, y);
        return top && (one.contains(top) || whole(one).contains(top));
    };
    const inText = (one) => getComputedStyle(one).display.startsWith('inline')
        && [...one.parentElement.childNodes].some((near) => near.nodeType === Node.TEXT_NODE && /\\p{L}/u.test(near.data));
    // What lies under a bar that stays in place is not there to be pressed until it is scrolled to; an area drawn around a box counts.
    const reach = least / 2 - .5;
    const around = [[-reach, 0], [reach, 0], [0, -reach], [0, reach]];
    const underBar = (one, x, y) => {
        for (let at = document.elementFromPoint(x, y); at; at = at.parentElement) {
            if (['fixed', 'sticky'].includes(getComputedStyle(at).position)) return !at.contains(one);
        }
        return false;
    };
    const small = targets.filter(({ one, box }) => {
        if ((box.width >= least - .5 && box.height >= least - .5) || inText(one)) return false;
        const [x, y] = centre(box);
        if (x < 0 || y < 0 || x > innerWidth || y > innerHeight || !hits(one, x, y)) return false;
        if (around.some(([dx, dy]) => underBar(one, x + dx, y + dy))) return false;
        return !around.every(([dx, dy]) => hits(one, x + dx, y + dy));
    });
    const crowded = ({ one, box }) => targets.some(({ one: other, box: near }) => {
        if (other === one || one.contains(other) || other.contains(one) || whole(other) === whole(one)) return false;
        const [x, y] = centre(box);
        const across = Math.max(near.left - x, 0, x - near.right), down = Math.max(near.top - y, 0, y - near.bottom);
        return Math.hypot(across, down) < least / 2 && hits(other, ...centre(near));
    });
    return small.filter(crowded).map(({ one, box }) =>
        `${one.tagName.toLowerCase()}.${one.className} “${(one.textContent || one.ariaLabel || one.name || '').trim().slice(0, 40)}” `
        + `${Math.round(box.width)}x${Math.round(box.height)}`);
}"""
_UNDIRECTED = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const apart = 'script, style, textarea, .json, pre, code, title, option';
    const wrong = [];
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        if (!/^[^A-Za-z]*[\\u0590-\\u08ff]/.test(walker.currentNode.data)) continue;
        if (!parent.closest(`${apart}, [dir=auto], bdi`)) wrong.push(parent.outerHTML.slice(0, 120));
    }
    return wrong;
}"""


def small_targets(page: Any) -> list[str]:
    """What is smaller than 24 px and has another target within the circle of that size.

    Ports of cards are as large as the chosen zoom makes them, and `A` and the plus do the same: an equivalent, by the rule.
    """
    crowded: list[str] = page.evaluate(_SMALL, LEAST_PX)
    return crowded


def undirected(page: Any) -> list[str]:
    """Texts read from right to left that stand where nothing says that people wrote them (`dir=auto`): marks beside them jump."""
    elements: list[str] = page.evaluate(_UNDIRECTED)
    return elements
