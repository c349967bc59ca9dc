// What of the page cannot be reached or read: one line for each fault, with its kind and the control or the text (`reach.py`).
() => {
  const modal = [...document.querySelectorAll('dialog:modal')].at(-1);
  const [root, wide, high, wrong] = [modal ?? document.body, document.documentElement.clientWidth, innerHeight, []];
  const able = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [contenteditable=true], [tabindex="0"], '
    + '[role=button], [role=tab], [role=option], [role=switch], [role=menuitem]';
  const words = (one) => one.ariaLabel || one.labels?.[0]?.textContent || one.textContent || one.name || one.title || '';
  const classes = (one) => [...one.classList].slice(0, 3).map((name) => `.${name}`).join('');
  const called = (one) => `${one.localName}${one.id && `#${one.id}`}${classes(one)} “${words(one).replace(/\s+/g, ' ').trim().slice(0, 40)}”`;
  const seen = { opacityProperty: true, visibilityProperty: true };
  const shown = (one) => one.checkVisibility(seen) && !one.closest('[inert], [aria-hidden=true]');
  const whole = (one) => (one.matches('input, select, textarea') ? one.closest('label') ?? one.closest('.fld') ?? one : one);
  // The canvas is a plane that is moved by itself, which WCAG 1.4.10 leaves out. As an outline it is a list like any other.
  const plane = (one) => one.closest('flow-canvas') && !one.closest('[data-outline]');
  const above = (one) => (one.parentElement && one.parentElement !== document.body ? [one.parentElement, ...above(one.parentElement)] : []);
  const scrolls = (one) => /auto|scroll/.test(getComputedStyle(one).overflowX);
  const cuts = (one) => /hidden|clip/.test(getComputedStyle(one).overflowX);

  function beside() {
    const { scrollWidth } = document.documentElement;
    if (scrollWidth <= wide) return;
    const outside = (one) => one.getBoundingClientRect().right > wide + 1 && shown(one) && !above(one).some((at) => scrolls(at) || cuts(at));
    wrong.push(`reaches to ${scrollWidth} of ${wide} px: ${[...document.querySelectorAll('body *')].filter(outside).slice(0, 3).map(called).join(', ')}`);
  }

  /** Does a press in the middle of it come to it? What lies over it while a menu is open goes with that press. */
  function pressed(one, box) {
    // A link over two lines has its middle in neither.
    const lines = getComputedStyle(one).display === 'inline' ? [...one.getClientRects()] : [];
    const [line = box] = lines.sort((a, b) => b.width * b.height - a.width * a.height);
    const at = document.elementFromPoint((line.left + line.right) / 2, (line.top + line.bottom) / 2);
    if (!at) return 'the end of the screen';
    const inside = whole(one).contains(at) || at.closest('label')?.contains(one) || (at.contains(one) && (one.disabled || at.closest('a, button, summary')));
    return inside || at.closest('details[open] > .pop, [popover]') ? '' : called(at);
  }

  function controls(within) {
    for (const one of within.querySelectorAll(able)) {
      const before = whole(one).getBoundingClientRect();
      const forKeysAlone = before.width <= 1 || before.height <= 1 || before.right < 0 || before.bottom < -scrollY;
      if (forKeysAlone || plane(one) || !shown(one)) continue;
      one.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
      const box = whole(one).getBoundingClientRect();
      const [left, right] = [Math.max(box.left, 0), Math.min(box.right, wide)];
      const out = (box.left < -1 || box.right > wide + 1) && !above(one).some(scrolls);
      if (out || right - left < Math.min(box.width, 24) - 1) {
        wrong.push(`beside the screen: ${called(one)} from ${Math.round(box.left)} to ${Math.round(box.right)} of ${wide}`);
        continue;
      }
      const part = { left, right, top: Math.max(box.top, 0), bottom: Math.min(box.bottom, high) };
      if (!pressed(one, part)) continue;
      one.focus({ preventScroll: true }); // a bar may rise when the focus comes to it
      const by = pressed(one, part);
      if (by) wrong.push(`covered: ${called(one)} by ${by}`);
    }
  }

  /** How far a text reaches out of the first thing around it that would cut it off, or that it stands in as on a button. */
  function cutOff(parent, said) {
    for (const at of [parent, ...above(parent)]) {
      const [style, box] = [getComputedStyle(at), at.getBoundingClientRect()];
      const free = style.textOverflow === 'ellipsis' || style.webkitLineClamp !== 'none' || style.position === 'fixed' || box.width <= 2;
      if (free || scrolls(at)) return '';
      const below = /hidden|clip/.test(style.overflowY) ? said.bottom - box.bottom - 2 : 0;
      const out = Math.max(said.right - box.right, box.left - said.left, below);
      const holds = style.display !== 'inline' && (cuts(at) || at.matches('button, summary, .btn, .pill, .seg > *, label, .chip'));
      if (holds && out > 1.5) return `in ${called(at)} by ${Math.round(out)} px`;
    }
    return '';
  }

  function texts() {
    const [walker, range] = [document.createTreeWalker(root, NodeFilter.SHOW_TEXT), document.createRange()];
    while (walker.nextNode()) {
      const { currentNode: text } = walker;
      const parent = text.parentElement;
      if (!text.data.trim() || parent.closest('.sr, option, textarea, script, style, svg') || plane(parent) || !shown(parent)) continue;
      range.selectNodeContents(text);
      const said = range.getBoundingClientRect();
      const out = said.width > 1 && cutOff(parent, said);
      if (out) wrong.push(`cut off: “${text.data.trim().slice(0, 40)}” ${out}`);
    }
  }

  beside();
  controls(root);
  texts();
  // One menu of each kind, in the last place where there is one: in a list that is the last row.
  const menus = [...root.querySelectorAll('details.menu:not([open])')].filter(shown);
  for (const menu of new Map(menus.map((one) => [one.className + one.closest('table')?.className, one])).values()) {
    menu.open = true;
    controls(menu.querySelector('.pop'));
    menu.open = false;
  }
  scrollTo(0, 0);
  return wrong;
}
