// @ts-check
/**
 * The rule of a segment while somebody edits it: its sentence, errors beside their fields, how many it holds for and some of them. What
 * the server says comes some moments after the last key; a question that a newer one overtakes is dropped.
 */
import { ConditionRows } from './canvas/condition-rows.js';
import { arrange, editRows, placeOf, read, showErrors, written } from './canvas/forms.js';
import { gettext } from './texts.js';

const QUIET_MS = 350;
const BUSY_MS = 700;
const form = /** @type {HTMLFormElement} */ (document.getElementById('rule-form'));
const tree = /** @type {HTMLElement} */ (form.querySelector('[data-rule]'));
const sent = /** @type {HTMLInputElement} */ (form.elements.namedItem('rule'));
const live = /** @type {HTMLElement} */ (document.getElementById('live'));
const sentence = /** @type {HTMLElement} */ (document.getElementById('sentence'));
const short = /** @type {HTMLElement} */ (document.getElementById('short-count'));
const undoLine = /** @type {HTMLElement} */ (document.getElementById('undo-line'));
const saved = document.getElementById('saved');
const url = form.dataset.live ?? '';

/** @type {{words: string, undo: () => void}[]} */
const steps = [];
let timer = 0;
/** @type {AbortController | null} */
let question = null;
let leaving = false;
/** Were all conditions asked for, also those that were only just added? */
let complete = false;

const ruleOn = () => !tree.closest('[hidden]');
const now = () => written(read(tree));
/** @param {string} text */
const say = (text) => { undoLine.querySelector('span')?.replaceChildren(text); undoLine.hidden = !text; };

arrange(form);
const first = now();

function changed(wait = QUIET_MS) {
  arrange(form);
  if (saved) saved.hidden = now() === first;
  clearTimeout(timer);
  timer = window.setTimeout(count, wait);
}

async function count() {
  if (!ruleOn()) return;
  question?.abort();
  question = new AbortController();
  const { signal } = question;
  const body = new URLSearchParams({ rule: now(), segment: form.dataset.segment ?? '' });
  live.setAttribute('aria-busy', 'true');
  try {
    const headers = { 'x-csrftoken': /** @type {any} */ (form.elements.namedItem('_csrf_token'))?.value ?? '' };
    const answer = await fetch(url, { method: 'POST', body, headers, signal, redirect: 'error' });
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.text());
  } catch (error) {
    if (signal.aborted) return;
    live.querySelector('[data-note]')?.replaceChildren(gettext('The count did not come. It is tried again with the next change.'));
  }
  live.removeAttribute('aria-busy');
}

/** @param {string} html of the server's own template */
function show(html) {
  live.innerHTML = html;
  const data = /** @type {HTMLElement} */ (live.querySelector('[data-answer]')).dataset;
  sentence.textContent = data.sentence || gettext('Say who belongs to it: add a condition.');
  sentence.classList.toggle('muted', !data.sentence);
  if (!data.busy) short.textContent = data.words ?? '';
  const errors = JSON.parse(data.errors ?? '[]');
  if (data.busy === undefined) showAlone(JSON.parse(data.alone ?? '[]'));
  showErrors(tree, errors.filter((/** @type {any} */ error) => error.severity === 'error' || (complete && error.severity === 'incomplete')));
  if (data.busy !== undefined) timer = window.setTimeout(count, BUSY_MS);
}

/** How many each condition and group matches alone, beside its tools; nothing beside those that are not complete.
 * @param {{path: string, words: string}[]} counts */
function showAlone(counts) {
  for (const old of tree.querySelectorAll('[data-alone-count]')) old.remove();
  for (const { path, words } of counts) {
    const { scope, below } = placeOf(tree, path);
    if (below || !scope.matches('[data-item]')) continue;
    const text = document.createElement('span');
    text.className = 'alone';
    text.dataset.aloneCount = '';
    text.title = `Alone it ${words}`;
    text.textContent = words;
    scope.querySelector('.tools')?.before(text);
  }
}

/** @param {string} words @param {() => void} undo */
function undoable(words, undo) {
  steps.push({ words, undo });
  say(words);
}

function undo() {
  const step = steps.pop();
  if (!step) return;
  step.undo();
  say(steps.length ? steps[steps.length - 1].words : '');
  changed(0);
}

new ConditionRows(tree, { changed: () => changed(0), say, undoable: (back_) => undoable(gettext('Moved.'), back_) });
for (const type of ['input', 'change']) {
  form.addEventListener(type, (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (tree.contains(target)) changed();
    else if (target.matches('[name=kind]')) changed(0);
  });
}
tree.addEventListener('click', (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const row = target.closest('[data-drop]')?.closest('[data-item]');
  const [parent, next] = [row?.parentElement, row?.nextElementSibling ?? null];
  const lists = [...tree.querySelectorAll('[data-list]')];
  const before = new Set(tree.querySelectorAll('[data-item]'));
  editRows(target);
  const words = row?.matches('.group') ? gettext('The group was removed.') : gettext('The condition was removed.');
  if (row && parent) undoable(words, () => parent.insertBefore(row, next));
  const items = target.closest('[data-add]') ? lists.flatMap((list) => [...list.children]) : [];
  const fresh = items.find((item) => item.matches('[data-item]') && !before.has(item));
  if (fresh) undoable(gettext('Added.'), () => fresh.remove());
  if (row || fresh) changed();
});
undoLine.querySelector('button')?.addEventListener('click', undo);
document.addEventListener('keydown', (event) => {
  const typing = /** @type {HTMLElement} */ (event.target).matches('input:not([type=checkbox]), textarea');
  if (event.key !== 'z' || !(event.ctrlKey || event.metaKey) || event.shiftKey || typing || !steps.length) return;
  event.preventDefault();
  undo();
});
form.addEventListener('submit', (event) => {
  if (!ruleOn()) return;
  sent.value = now();
  const fields = /** @type {any[]} */ ([...tree.querySelectorAll('.cond > .field > input, .cond > .parts > .field > input')]);
  const empty = fields.find((field) => !field.value.trim());
  if (empty) {
    event.preventDefault();
    complete = true;
    say(gettext('A condition looks at nothing yet. Choose what it looks at, or remove it.'));
    empty.focus();
    count();
    return;
  }
  leaving = true;
});
window.addEventListener('beforeunload', (event) => {
  if (!leaving && now() !== first) event.preventDefault();
});
const errors = JSON.parse(form.dataset.errors ?? '[]');
if (errors.length) {
  complete = true;
  showErrors(tree, errors);
}
if (ruleOn()) count();
