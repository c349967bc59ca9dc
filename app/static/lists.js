// @ts-check
/** What is done with the chosen rows of a list, or with all that fit: how many those are, and what is asked before. */
import './tag-suggestions.js';
import { boxes, choose, chosen, chosenBoxes, isEverything, selectEverything, selected, selectionWords, whenSelected } from './selection.js';

/** How many all that fit are, as the server counted them: never more are done. */
let counted = 0;
const bar = () => /** @type {HTMLElement | null} */ (document.querySelector('.bulk'));
const rows = () => /** @type {HTMLElement} */ (document.querySelector('#bulk-rows'))?.dataset ?? {};
let query = rows().query;

/** Some verbs are about rows of one status (`data-only`): the chosen boxes among them. @param {string | undefined} only */
const fitting = (only) => chosenBoxes().filter((box) => !only || box.dataset.status === only);
/** @param {string | undefined} only */
const words = (only) => (isEverything() || !only ? selectionWords() : selected(fitting(only).length));

whenSelected(() => {
  for (const offer of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.bulk [data-select-all]')))
    offer.hidden = isEverything() || rows().more === undefined || chosen.size < boxes().length;
  for (const act of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll('.bulk [data-only]')))
    act.disabled = isEverything() ? rows().status !== act.dataset.only : !fitting(act.dataset.only).length;
});

async function selectAll() {
  if (!chosen.size) choose(boxes(), true);
  const before = rows().query ?? '';
  // A session that has ended leads to the page to sign in, which is no JSON.
  const answer = await fetch(`${bar()?.dataset.fitting}?filters=${encodeURIComponent(before)}`, { redirect: 'error' }).catch(() => null);
  if (!answer?.ok) return;
  const { words: all, count } = await answer.json();
  // Meanwhile the filters may have changed, or nothing may be chosen any more.
  if (before !== (rows().query ?? '') || !chosen.size) return;
  counted = count;
  selectEverything(all);
}

// A dialog says how many it is about, and sends them.
document.addEventListener('click', (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.closest('[data-select-all]')) selectAll();
  const opener = /** @type {HTMLElement | null} */ (target.closest('.bulk [data-open]'));
  const place = /** @type {HTMLElement | null} */ (opener && document.querySelector(`#${opener.dataset.open} [data-chosen]`));
  if (!opener || !place) return;
  place.textContent = words(opener.dataset.only);
  place.dataset.only = opener.dataset.only ?? '';
});

/** Says that all are meant that fit, as they were counted. @param {FormData} data */
export function meanAll(data) {
  data.set('all', '1');
  data.set('counted', String(counted));
  data.set('query', rows().query ?? '');
  data.set('to', location.pathname + location.search);
}

document.addEventListener('formdata', (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const data = /** @type {FormDataEvent} */ (event).formData;
  const dialog = form.closest('dialog.bulkd');
  if (dialog) {
    const only = /** @type {HTMLElement} */ (dialog.querySelector('[data-chosen]')).dataset.only;
    if (isEverything()) meanAll(data);
    else for (const box of fitting(only)) data.append('id', box.value);
  }
  if (dialog || form.matches('.bulk-undo')) data.set('to', location.pathname + location.search);
});

document.addEventListener('htmx:after:swap', () => {
  const ended = document.querySelector('#bulk-jobs[data-ended]');
  ended?.removeAttribute('data-ended');
  // Whoever is in the middle of something keeps it: what has ended may be somebody else's.
  if (ended && !chosen.size && !document.querySelector('dialog[open]')) {
    location.reload();
    return;
  }
  // Other filters are asked about anew.
  if (rows().query !== query && isEverything()) selectEverything('');
  query = rows().query;
});
