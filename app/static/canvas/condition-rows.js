// @ts-check
/**
 * Rows and groups of a condition list on the move: dragged by their grip, moved by the arrow keys, duplicated, turned into another kind
 * of row. The lists are plain DOM, so a move is one `insertBefore`; whoever owns the form hears of it.
 */
import { arrange, read } from './forms.js';
import { FieldPicker, quoted } from './field-picker.js';
import { gettext } from '../texts.js';

const STEPS_DEEP = 4;

/** The list in which a row stands. @param {Element} row @returns {HTMLElement} */
const listOf = (row) => /** @type {HTMLElement} */ (row.closest('[data-list]'));

/** The list that holds a row and all around it, up to an event or a form. @param {Element} row */
function outermost(row) {
  let list = listOf(row);
  for (let group; (group = list.parentElement?.closest('[data-item]'))?.matches('.group'); ) list = listOf(group);
  return list;
}

/** @param {Element} list @returns {Element[]} */
const itemsOf = (list) => [...list.children].filter((child) => child.matches('[data-item]'));
const innerList = (/** @type {Element} */ group) => /** @type {Element} */ (group.querySelector('[data-list]'));

/** How many groups are inside each other below an element. @param {Element} item @returns {number} */
const groupsIn = (item) => (item.matches('.group') ? 1 + Math.max(0, ...itemsOf(innerList(item)).map(groupsIn)) : 0);

/** @param {Element} list @returns {number} */
function groupsAround(list) {
  let count = 0;
  for (let group = list.closest('.group'); group; group = group.parentElement?.closest('.group') ?? null) count += 1;
  return count;
}

/** May an item stand in a list: of the same tree, not inside itself, not too deep? @param {Element} item @param {Element} list */
export function fits(item, list) {
  const deepest = Number(/** @type {any} */ (list.closest('[data-deepest]'))?.dataset.deepest ?? STEPS_DEEP);
  return !item.contains(list) && outermost(item) === outermost(list.firstElementChild ?? item)
    && groupsAround(list) + groupsIn(item) <= deepest;
}

/** Where an item comes to stand one place further: into a group beside it, out of its own. @param {Element} item @param {-1 | 1} way
 * @returns {{list: Element, before: Element | null} | null} */
export function nextPlace(item, way) {
  const list = listOf(item);
  const items = itemsOf(list);
  const beside = items[items.indexOf(item) + way];
  if (beside?.matches('.group') && !item.matches('.group')) {
    const inner = innerList(beside);
    return { list: inner, before: way > 0 ? inner.firstElementChild : null };
  }
  if (beside) return { list, before: way > 0 ? beside.nextElementSibling : beside };
  const group = list.closest('.group');
  if (!group || outermost(item) === list) return null;
  return { list: listOf(group), before: way > 0 ? group.nextElementSibling : group };
}

export class ConditionRows {
  /** @param {HTMLElement} root @param {{changed: () => void, say: (text: string) => void, undoable?: (undo: () => void) => void}} owner */
  constructor(root, owner) {
    this.root = root;
    this.owner = owner;
    this.line = document.createElement('div');
    this.line.className = 'drop-line';
    /** @type {{row: Element, list: Element | null, before: Element | null} | null} */
    this.drag = null;
    this.picker = new FieldPicker((row, offer) => this.become(row, offer));
    root.addEventListener('pointerdown', (event) => this.grab(event));
    root.addEventListener('pointermove', (event) => this.hover(event));
    root.addEventListener('pointerup', () => this.drop(true));
    root.addEventListener('pointercancel', () => this.drop(false));
    root.addEventListener('keydown', (event) => this.keys(event));
    root.addEventListener('click', (event) => {
      const button = /** @type {any} */ (event.target).closest('[data-double]');
      if (button) this.duplicate(button.closest('[data-item]'));
    });
  }

  /** @param {any} event */
  grab(event) {
    const grip = event.target.closest('[data-grip]');
    if (!grip || grip.disabled || event.button) return;
    const row = grip.closest('[data-item]');
    grip.setPointerCapture(event.pointerId);
    this.drag = { row, list: null, before: null };
    row.classList.add('dragged');
  }

  /** @param {PointerEvent} event */
  hover(event) {
    const { drag } = this;
    if (!drag) return;
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const place = under && !drag.row.contains(under) ? this.placeAt(drag.row, under, event.clientY) : null;
    this.line.remove();
    drag.list = place?.list ?? null;
    drag.before = place?.before ?? null;
    if (place) place.list.insertBefore(this.line, place.before);
  }

  /** @param {Element} row @param {Element} under @param {number} y @returns {{list: Element, before: Element | null} | null} */
  placeAt(row, under, y) {
    if (under === this.line) return this.drag && this.drag.list && { list: this.drag.list, before: this.drag.before };
    const adds = under.closest('.adds');
    if (adds?.previousElementSibling?.matches('[data-list]')) {
      const list = adds.previousElementSibling;
      return fits(row, list) ? { list, before: null } : null;
    }
    const target = under.closest('[data-item]');
    if (!target || !this.root.contains(target)) return null;
    if (target.matches('.group') && under.closest('.group-head')?.closest('[data-item]') === target && !row.matches('.group')) {
      const inner = innerList(target);
      if (y > mid(/** @type {Element} */ (under.closest('.group-head'))) && fits(row, inner)) return { list: inner, before: inner.firstElementChild };
    }
    const list = listOf(target);
    return fits(row, list) ? { list, before: y < mid(target) ? target : target.nextElementSibling } : null;
  }

  /** @param {boolean} lands */
  drop(lands) {
    const { drag } = this;
    this.drag = null;
    this.line.remove();
    drag?.row.classList.remove('dragged');
    if (lands && drag?.list && drag.before !== drag.row) this.move(drag.row, drag.list, drag.before);
  }

  /** @param {KeyboardEvent} event */
  keys(event) {
    const grip = /** @type {any} */ (event.target).closest('[data-grip]');
    if (event.key === 'Escape' && this.drag) return this.drop(false);
    if (!grip || !['ArrowUp', 'ArrowDown'].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const row = grip.closest('[data-item]');
    const place = nextPlace(row, event.key === 'ArrowUp' ? -1 : 1);
    if (!place) return this.owner.say(gettext('It is at the end already.'));
    if (!fits(row, place.list)) return this.owner.say(gettext('Groups cannot be nested deeper.'));
    this.move(row, place.list, place.before);
    grip.focus();
    const items = itemsOf(place.list);
    const group = place.list.closest('.group');
    const now = { place: items.indexOf(row) + 1, number: items.length };
    this.owner.say(group ? gettext('Moved to place %(place)s of %(number)s in a group.', now) : gettext('Moved to place %(place)s of %(number)s.', now));
  }

  /** @param {Element} row @param {Element} list @param {Element | null} before */
  move(row, list, before) {
    const [parent, next] = [/** @type {Element} */ (row.parentElement), row.nextElementSibling];
    list.insertBefore(row, before);
    this.owner.undoable?.(() => parent.insertBefore(row, next));
    this.owner.changed();
  }

  /** @param {HTMLElement} row */
  duplicate(row) {
    const copy = /** @type {HTMLElement} */ (row.cloneNode(true));
    const controls = (/** @type {Element} */ from) => /** @type {any[]} */ ([...from.querySelectorAll('input, select')]);
    const originals = controls(row);
    for (const [at, control] of controls(copy).entries()) {
      control.value = originals[at].value;
      if ('checked' in control) control.checked = originals[at].checked;
    }
    for (const part of copy.querySelectorAll('[data-stored]')) part.removeAttribute('data-stored');
    copy.dataset.stored = JSON.stringify(read(row)); // what it says now, not what the first one was stored as
    row.after(copy);
    this.owner.undoable?.(() => copy.remove());
    arrange(/** @type {Element} */ (row.closest('form')));
    /** @type {any} */ (copy.querySelector('[data-grip]'))?.focus();
    this.owner.changed();
    this.owner.say(gettext('Duplicated.'));
  }

  /** A row of another kind takes the place of one. @param {Element} row @param {{value: string, row?: string}} offer */
  become(row, offer) {
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById(offer.row ?? ''));
    const fresh = /** @type {any} */ (template.content.firstElementChild?.cloneNode(true));
    const event = fresh.querySelector('[name=event]');
    if (event) event.value = offer.value;
    for (const control of fresh.querySelectorAll('[name=workflow]')) control.value = offer.value;
    for (const box of fresh.querySelectorAll(`[name=value][value="${CSS.escape(offer.value)}"]`)) box.checked = true;
    const tag = offer.row === 'row-tag' ? fresh.querySelector('[data-values]') : null;
    if (tag) tag.value = quoted(offer.value);
    row.replaceWith(fresh);
    this.owner.undoable?.(() => fresh.replaceWith(row));
    arrange(fresh.closest('form'));
    (tag ?? fresh.querySelector('select'))?.focus();
    this.owner.changed();
  }
}

/** @param {Element} element */
function mid(element) {
  const { top, height } = element.getBoundingClientRect();
  return top + height / 2;
}
