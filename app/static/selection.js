// @ts-check
/**
 * Rows of a list that are chosen: by mouse, keyboard or touch. The box of a row is an `input` named `id` within `.pick`; the bar that floats
 * below, `.bulk`, says how many they are. What is done with them is the page's. They stay chosen when the rows are refreshed.
 */
import { gettext, language } from './texts.js';

const number = new Intl.NumberFormat(language());
const BOXES = '#rows .pick input[name=id]';
/** The ids that are chosen on this page. */
export const chosen = /** @type {Set<string>} */ (new Set());
/** What is chosen beyond this page, in words; "" while it is nothing. */
let everything = '';
let last = '';
const listeners = /** @type {(() => void)[]} */ ([]);

/** @typedef {HTMLInputElement} Box */
export const boxes = () => /** @type {Box[]} */ ([...document.querySelectorAll(BOXES)]);
/** The row of a box, or of an id. @param {Box | string} one */
export const rowOf = (one) => (typeof one === 'string' ? boxes().find((box) => box.value === one) : one)?.closest('tr, [data-row]');
/** The boxes of the chosen rows that are shown. */
export const chosenBoxes = () => boxes().filter((box) => chosen.has(box.value));
export const selected = (/** @type {number} */ count) => gettext('%(number)s selected', { number: number.format(count) });
/** How many they are, in words. */
export const selectionWords = () => everything || selected(chosen.size);
/** Does the choice go beyond this page? */
export const isEverything = () => Boolean(everything);

/** Call `listener` whenever other rows are chosen or shown. @param {() => void} listener */
export function whenSelected(listener) {
  listeners.push(listener);
  listener();
}

/** Let the choice be all that fit, in these words. @param {string} words */
export function selectEverything(words) {
  everything = words;
  show();
}

/** @param {Box[]} some @param {boolean} on */
export function choose(some, on) {
  everything = '';
  for (const box of some) on ? chosen.add(box.value) : chosen.delete(box.value);
  show();
}

export function unselect() {
  chosen.clear();
  everything = '';
  show();
}

function show() {
  const all = boxes();
  for (const box of all) {
    box.checked = chosen.has(box.value);
    const row = rowOf(box);
    row?.classList.toggle('picked', box.checked);
    if (row?.tagName === 'TR') row.setAttribute('aria-selected', String(box.checked));
  }
  const bar = /** @type {HTMLElement | null} */ (document.querySelector('.bulk'));
  if (bar) {
    bar.hidden = !chosen.size;
    /** @type {HTMLElement} */ (bar.querySelector('b')).textContent = selectionWords();
  }
  const every = /** @type {Box | null} */ (document.querySelector('#every'));
  if (every) {
    every.disabled = !all.length;
    every.checked = all.length > 0 && chosen.size === all.length;
    every.indeterminate = chosen.size > 0 && chosen.size < all.length;
  }
  for (const listener of listeners) listener();
}

document.addEventListener('change', (event) => {
  const box = /** @type {Box} */ (event.target);
  if (box.id === 'every') choose(boxes(), box.checked);
  else if (box.matches(BOXES)) choose([box], box.checked);
});

document.addEventListener('click', (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.closest('[data-unselect]')) {
    unselect();
    /** @type {HTMLElement | null} */ (document.querySelector('#every'))?.focus();
  }
  const box = /** @type {Box | null} */ (target.closest(BOXES));
  if (!box) return;
  const all = boxes();
  const before = all.findIndex((one) => one.value === last);
  if (event.shiftKey && before >= 0) {
    const [from, to] = [before, all.indexOf(box)].sort((one, other) => one - other);
    choose(all.slice(from, to + 1), box.checked);
  }
  last = box.value;
});

/** J and K go from row to row, X chooses the one with the focus. @param {string} key @param {Element} from */
function walk(key, from) {
  const links = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('#rows :is(tbody .p1, [data-row]) a.nm')]);
  const row = from.closest('#rows :is(tbody tr, [data-row])');
  const place = links.findIndex((link) => row?.contains(link));
  if (key === 'x') {
    const box = /** @type {Box | null} */ (row?.querySelector('.pick input') ?? null);
    if (box) choose([box], !box.checked);
    return Boolean(box);
  }
  const next = links[place < 0 ? 0 : place + (key === 'j' ? 1 : -1)];
  next?.focus();
  return Boolean(next);
}

document.addEventListener('keydown', (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.defaultPrevented || document.querySelector('dialog[open]')) return;
  if (event.key === 'Escape' && chosen.size && !document.querySelector('details.menu[open]')) unselect();
  const typing = target.closest('input:not([type=checkbox]),textarea,select,[contenteditable]');
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !['j', 'k', 'x'].includes(event.key)) return;
  if (walk(event.key, target)) event.preventDefault();
});

document.addEventListener('htmx:after:swap', () => {
  const present = new Set(boxes().map((box) => box.value));
  for (const id of chosen) if (!present.has(id)) chosen.delete(id);
  if (!chosen.size) everything = '';
  show();
});
window.addEventListener('pageshow', show);
show();
