// @ts-check
/**
 * Find anything: a combobox over the page. The server says what fits, so names of contacts and workflows are looked up where they are, in the
 * reader's language and by what the reader may open. Loaded by `shell.js` when it is first asked for.
 */

import { restore } from './session.js';

const TYPED_MS = 120;
/** @type {HTMLDialogElement | null} */
let dialog = null;
/** @type {Promise<HTMLDialogElement> | null} */
let opening = null;
/** @type {AbortController | null} */
let asking = null;
let timer = 0;

/** @param {string} url @param {boolean} part @param {AbortSignal} [signal] @returns {Promise<string>} */
async function fetched(url, part, signal) {
  const headers = { accept: 'text/html', ...(part && { 'hx-request': 'true' }) };
  const answer = await fetch(url, { headers, signal, redirect: 'manual' });
  // Signed out meanwhile: the page stays, with what was typed on it, and a dialog leads to signing in.
  if (answer.type === 'opaqueredirect' || answer.status === 401 || answer.headers.has('hx-redirect')) {
    if (await restore()) return fetched(url, part, signal);
  }
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.text();
}

/** The style sheet beside this module; nothing is shown before it is there. */
function styled() {
  const href = new URL('./command-palette.css', import.meta.url).href;
  if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href });
  return new Promise((resolve) => {
    link.onload = link.onerror = () => resolve(undefined);
    document.head.append(link);
  });
}

/** @param {string} url @returns {Promise<HTMLDialogElement>} */
async function dialogOf(url) {
  const [html] = await Promise.all([fetched(url, false), styled()]);
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

async function look() {
  asking?.abort();
  const mine = (asking = new AbortController());
  const list = /** @type {HTMLElement} */ (dialog?.querySelector('[role=listbox]'));
  list.setAttribute('aria-busy', 'true');
  try {
    const html = await fetched(`/find?search=${encodeURIComponent(input().value)}`, true, mine.signal);
    if (mine !== asking) return;
    list.innerHTML = html;
    list.scrollTop = 0;
    choose(options()[0]);
    announce();
  } catch {
    if (mine !== asking) return; // a later search is under way
  } finally {
    if (mine === asking) list.removeAttribute('aria-busy');
  }
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.isComposing) return;
  const chosen = options().find((option) => option.getAttribute('aria-selected') === 'true');
  if (event.key === 'ArrowDown') move(1);
  else if (event.key === 'ArrowUp') move(-1);
  else if (event.key === 'Enter' && chosen) {
    if (event.ctrlKey || event.metaKey) window.open(chosen.href, '_blank', 'noopener');
    else chosen.click();
  } else if (event.key === '?' && !input().value) {
    dialog?.close();
    openShortcuts();
  } else return;
  event.preventDefault();
}

function build() {
  input().addEventListener('input', () => {
    clearTimeout(timer);
    timer = window.setTimeout(look, TYPED_MS);
  });
  dialog?.addEventListener('keydown', onKey);
  dialog?.addEventListener('click', (event) => {
    const option = /** @type {Element} */ (event.target).closest('[role=option]');
    if (option && !event.ctrlKey && !event.metaKey) dialog?.close();
  });
}

/** Open the palette, with what was looked for last taken out. */
export async function openPalette() {
  if (document.querySelector('dialog[open]')) return;
  if (dialog) {
    input().value = '';
    dialog.showModal();
    look();
    return;
  }
  opening ??= dialogOf('/find').finally(() => (opening = null)); // pressed twice, it is one dialog
  const opened = await opening;
  if (dialog) return;
  dialog = opened;
  build();
  if (!document.querySelector('dialog[open]')) dialog.showModal();
  input().focus();
  choose(options()[0]);
  announce();
}

/** Show which keys the page knows. */
export async function openShortcuts() {
  if (document.querySelector('dialog[open]')) return;
  const known = /** @type {HTMLDialogElement | null} */ (document.getElementById('page-shortcuts'));
  const shown = known ?? (await dialogOf('/shortcuts'));
  if (!document.querySelector('dialog[open]')) shown.showModal();
}
