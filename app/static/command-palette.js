// @ts-check
/**
 * Find anything: a combobox over the page. The server says what fits, so names of contacts and workflows are looked up where they are, in the
 * reader's language and by what the reader may open. Loaded by `finder.js` when it is first asked for, which has opened it by then.
 */

import { restore } from './session.js';
import { styled } from './style-sheet.js';
import { gettext } from './texts.js';

const TYPED_MS = 120;
/** Nothing is shown before it is there. */
const SHEET = new URL('./command-palette.css', import.meta.url).href;
/** @type {HTMLDialogElement | null} */
let dialog = null;
/** What the list answers; null while it answers nothing. @type {string | null} */
let listed = null;
/** Was Enter pressed before the list answered what is typed? In another tab, with Ctrl. @type {{tab: boolean} | null} */
let entered = null;
/** @type {AbortController | null} */
let asking = null;
let timer = 0;

/** @param {string} url @param {AbortSignal} [signal] @returns {Promise<string>} */
async function fetched(url, signal) {
  const headers = { accept: 'text/html', 'hx-request': 'true' };
  const answer = await fetch(url, { headers, signal, redirect: 'manual' });
  // Signed out meanwhile: the page stays, with what was typed on it, and a dialog leads to signing in.
  if (answer.type === 'opaqueredirect' || answer.status === 401 || answer.headers.has('hx-redirect')) {
    if (await restore()) return fetched(url, signal);
  }
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.text();
}

/** @param {string} url @returns {Promise<HTMLDialogElement>} */
async function dialogOf(url) {
  const [html] = await Promise.all([fetched(url), styled(SHEET)]);
  const holder = document.createElement('template');
  holder.innerHTML = html;
  const opened = /** @type {HTMLDialogElement} */ (holder.content.querySelector('dialog'));
  document.body.append(opened);
  return opened;
}

const options = () => /** @type {HTMLAnchorElement[]} */ ([...(dialog?.querySelectorAll('[role=option]') ?? [])]);
const input = () => /** @type {HTMLInputElement} */ (dialog?.querySelector('input'));

/** @param {HTMLElement | undefined} option */
function choose(option) {
  for (const other of options()) other.setAttribute('aria-selected', String(other === option));
  if (option) {
    input().setAttribute('aria-activedescendant', option.id);
    option.scrollIntoView({ block: 'nearest' });
  } else input().removeAttribute('aria-activedescendant');
}

/** @param {number} step */
function move(step) {
  const all = options();
  const now = all.findIndex((option) => option.getAttribute('aria-selected') === 'true');
  choose(all[(now + step + all.length) % all.length]);
}

/** Say how many there are, once they are shown. */
function announce() {
  const list = /** @type {HTMLElement} */ (dialog?.querySelector('[role=listbox]'));
  const none = list.querySelector('[data-none]');
  /** @type {HTMLElement} */ (dialog?.querySelector('[data-status]')).textContent = (none ?? list.querySelector('[data-count]'))?.textContent ?? '';
  input().setAttribute('aria-expanded', String(!none));
}

/** @param {HTMLAnchorElement} option @param {boolean} tab in a tab of its own? */
function go(option, tab) {
  if (tab) window.open(option.href, '_blank', 'noopener');
  else option.click();
}

async function look() {
  clearTimeout(timer);
  asking?.abort();
  const mine = (asking = new AbortController());
  const list = /** @type {HTMLElement} */ (dialog?.querySelector('[role=listbox]'));
  const wanted = input().value;
  list.setAttribute('aria-busy', 'true');
  try {
    const [html] = await Promise.all([fetched(`/find?search=${encodeURIComponent(wanted)}`, mine.signal), styled(SHEET)]);
    if (mine !== asking) return;
    list.innerHTML = html;
    list.scrollTop = 0;
    listed = wanted;
    choose(options()[0]);
    announce();
  } catch {
    if (mine !== asking) return; // a later search is under way, or the palette is closed
    listed = null;
    const line = Object.assign(document.createElement('p'), { className: 'ce' });
    line.dataset.none = '';
    line.textContent = gettext('The server did not answer. Nothing was changed; try again.');
    list.replaceChildren(line);
    announce();
  } finally {
    if (mine === asking) list.removeAttribute('aria-busy');
  }
  const [first] = options();
  if (entered && first) go(first, entered.tab);
  entered = null;
}

/** Take what is chosen; where the list is not of what is typed yet, what fits that best, as soon as it is there. @param {boolean} tab */
function enter(tab) {
  const chosen = options().find((option) => option.getAttribute('aria-selected') === 'true');
  if (listed === input().value) {
    if (chosen) go(chosen, tab);
    return;
  }
  entered = { tab };
  look();
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.isComposing) return;
  if (event.key === 'ArrowDown') move(1);
  else if (event.key === 'ArrowUp') move(-1);
  else if (event.key === 'Enter' && event.target === input()) enter(event.ctrlKey || event.metaKey);
  else if (event.key === '?' && !input().value) {
    dialog?.close();
    openShortcuts();
  } else return;
  event.preventDefault();
}

function build() {
  input().addEventListener('input', () => {
    entered = null;
    clearTimeout(timer);
    timer = window.setTimeout(look, TYPED_MS);
  });
  dialog?.addEventListener('keydown', onKey);
  dialog?.addEventListener('close', () => {
    clearTimeout(timer);
    asking?.abort();
    asking = entered = null;
  });
  dialog?.addEventListener('click', (event) => {
    const option = /** @type {Element} */ (event.target).closest('[role=option]');
    if (option && !event.ctrlKey && !event.metaKey) dialog?.close();
  });
}

/** List what fits what is typed by now. @param {HTMLDialogElement} opened the palette, open */
export function fill(opened) {
  dialog = opened;
  if (!('filled' in dialog.dataset)) build();
  dialog.dataset.filled = '';
  listed = null;
  if ('entered' in dialog.dataset) entered = { tab: false };
  look();
}

/** Show which keys the page knows. */
export async function openShortcuts() {
  if (document.querySelector('dialog[open]')) return;
  const known = /** @type {HTMLDialogElement | null} */ (document.getElementById('page-shortcuts'));
  const shown = known ?? (await dialogOf('/shortcuts'));
  if (!document.querySelector('dialog[open]')) shown.showModal();
}
