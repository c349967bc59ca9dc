// @ts-check
/**
 * Lists of workflows and templates: put chosen rows into folders by a menu or by dragging, and tag them. What was done can be taken back.
 * All that fit are a job of the server's, as in other lists. A row is an element with `data-row`. The dialogs are those of components/folders.html.
 */
import { meanAll } from './lists.js';
import './tag-suggestions.js';
import { chosen, isEverything, rowOf, selected, selectionWords } from './selection.js';
import { guarded } from './session.js';
import { toast } from './shell.js';
import { gettext } from './texts.js';

const DRAGGED = 'application/x-rows';

const tagsOf = (/** @type {string} */ id) => /** @type {string[]} */ (JSON.parse(rowOf(id)?.getAttribute('data-tags') ?? '[]'));
/** What the open dialog is about. @type {string[]} */
let about = [];
/** Is it about all that fit, beyond this page? */
let aboutAll = false;

// ---- asking the server

/** @param {string} path @param {[string, string][]} fields @returns {Promise<any>} what it answered; `error`: why it refused, "" where it did not answer */
async function send(path, fields) {
  const proof = JSON.parse(document.body.getAttribute('hx-headers:inherited') ?? '{}');
  const request = { method: 'POST', headers: { ...proof, accept: 'application/json' }, body: new URLSearchParams(fields) };
  const answer = await guarded(path, request, (action, sent) => fetch(action, sent), undefined, false).catch(() => null);
  const outcome = await answer?.json().catch(() => null);
  return answer?.ok && outcome ? outcome : { error: outcome?.error ?? '' };
}

/** The list as it is now, with its folders. */
async function refresh() {
  await /** @type {any} */ (window).htmx.ajax('GET', location.pathname + location.search, { target: '#rows', swap: 'innerMorph' });
}

/** @param {string} path @param {[string, string][]} fields */
async function file(path, fields) {
  const done = await send(path, fields);
  if ('error' in done) {
    toast(done.error || gettext('The server did not answer. Nothing was changed; try again.'), 'err');
    return false;
  }
  await refresh();
  const takeBack = async () => {
    let left = 0;
    for (const [other, of] of done.undo) {
      const undone = await send(other, of);
      if ('error' in undone) {
        await refresh();
        const reason = undone.error || gettext('The server did not answer.');
        return toast(gettext('Not everything was taken back: %(reason)s', { reason }), 'err');
      }
      left += undone.left;
    }
    await refresh();
    toast(left ? gettext('Taken back. Moved or deleted since, so left alone: %(number)s', { number: left }) : gettext('Taken back.'));
  };
  toast(done.text, 'ok', ...(done.undo.length ? [{ text: gettext('Undo'), act: takeBack }] : []));
  return true;
}

/** @param {string[]} ids @returns {[string, string][]} */
const asFields = (ids) => ids.map((id) => ['id', id]);

// ---- dialogs

/** @param {string} name @param {string[]} ids @param {boolean} [all] */
function openFor(name, ids, all = false) {
  about = ids;
  aboutAll = all;
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById(name));
  const one = ids.length === 1 ? rowOf(ids[0])?.querySelector('.nm')?.textContent?.trim() : '';
  /** @type {HTMLElement} */ (dialog.querySelector('[data-about]')).textContent = all ? selectionWords() : one || selected(ids.length);
  const had = /** @type {HTMLElement | null} */ (dialog.querySelector('[data-had]'));
  const tags = all ? [] : [...new Set(ids.flatMap(tagsOf))];
  if (had) offerRemoval(had, tags.sort((first, second) => first.localeCompare(second)));
  typeRemoval(dialog, all);
  /** @type {HTMLFormElement} */ (dialog.querySelector('form')).reset();
  dialog.showModal();
  /** @type {HTMLElement | null} */ (dialog.querySelector('select, input[type=text]'))?.focus();
}

/** Which tags all have that fit, only the server knows: there they are typed. @param {HTMLElement} dialog @param {boolean} all */
function typeRemoval(dialog, all) {
  const place = /** @type {HTMLElement | null} */ (dialog.querySelector('[data-remove-typed]'));
  if (!place) return;
  place.hidden = !all;
  /** @type {HTMLInputElement} */ (place.querySelector('input')).disabled = !all;
}

/** The tags that some of them have, each with a box. @param {HTMLElement} place @param {string[]} tags */
function offerRemoval(place, tags) {
  place.hidden = !tags.length;
  const lines = tags.map((tag) => {
    const line = document.createElement('label');
    line.className = 'check';
    const box = Object.assign(document.createElement('input'), { type: 'checkbox', name: 'remove', value: tag, className: 'ck' });
    line.append(box, Object.assign(document.createElement('span'), { textContent: tag, dir: 'auto' }));
    return line;
  });
  /** @type {HTMLElement} */ (place.querySelector('.checks')).replaceChildren(...lines);
}

document.addEventListener('submit', async (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const { file: path } = form.dataset;
  if (!path || aboutAll) return;
  event.preventDefault();
  const fields = /** @type {[string, string][]} */ ([...new FormData(form)]);
  if (await file(path, [...asFields(about), ...fields])) form.closest('dialog')?.close();
});

document.addEventListener('formdata', (event) => {
  if (aboutAll && /** @type {HTMLFormElement} */ (event.target).dataset.file) meanAll(/** @type {FormDataEvent} */ (event).formData);
});

document.addEventListener('click', (event) => {
  const opener = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest('[data-file-row]'));
  const { fileRow, id } = opener?.dataset ?? {};
  if (fileRow) openFor(fileRow, id ? [id] : [...chosen], !id && isEverything());
});

/** The name of a folder that is refused: said below it, in the dialog that stays as it was. @param {HTMLFormElement} form */
async function saveFolder(form) {
  const name = /** @type {HTMLInputElement} */ (form.elements.namedItem('name'));
  const proof = JSON.parse(document.body.getAttribute('hx-headers:inherited') ?? '{}');
  const fields = new URLSearchParams(/** @type {[string, string][]} */ ([...new FormData(form)]));
  const request = { method: 'POST', headers: { ...proof, 'hx-request': 'true' }, body: fields };
  const answer = await guarded(form.action, request, (action, sent) => fetch(action, sent), undefined, false).catch(() => null);
  const to = answer?.ok && answer.headers.get('hx-redirect');
  if (to) return location.assign(to);
  const reason = answer?.status === 422 ? await answer.text() : gettext('The server did not answer. Nothing was changed; try again.');
  name.setCustomValidity(reason);
  (await import('./validation.js')).showRefusal(name);
  form.addEventListener('input', () => name.setCustomValidity(''), { once: true, capture: true });
}

document.addEventListener('submit', (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.closest('.folderd') || event.defaultPrevented) return;
  event.preventDefault();
  saveFolder(form);
});

// ---- dragging

/** What the pointer carries. @param {number} count @param {string} name */
function label(count, name) {
  const carried = document.createElement('div');
  carried.className = 'carried';
  carried.textContent = count === 1 ? name : selected(count);
  document.body.append(carried);
  setTimeout(() => carried.remove());
  return carried;
}

document.addEventListener('dragstart', (event) => {
  const row = /** @type {HTMLElement} */ (event.target).closest?.('[data-row][draggable]');
  const box = /** @type {HTMLInputElement | null | undefined} */ (row?.querySelector('input[name=id]'));
  if (!row || !box || !event.dataTransfer) return;
  const ids = chosen.has(box.value) ? [...chosen] : [box.value];
  event.dataTransfer.setData(DRAGGED, JSON.stringify(ids));
  event.dataTransfer.effectAllowed = 'copyMove';
  event.dataTransfer.setDragImage(label(ids.length, row.querySelector('.nm')?.textContent?.trim() ?? ''), 12, 12);
  document.body.classList.add('filing');
});
document.addEventListener('dragend', () => document.body.classList.remove('filing'));

/** The folder under the pointer, when rows are carried. @param {DragEvent} event */
const folderAt = (event) =>
  event.dataTransfer?.types.includes(DRAGGED) ? /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest('[data-folder]')) : null;

for (const type of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  document.addEventListener(type, (plain) => {
    const event = /** @type {DragEvent} */ (plain);
    const folder = folderAt(event);
    if (!folder) return;
    event.preventDefault();
    folder.classList.toggle('drop', type === 'dragenter' || type === 'dragover');
    if (type !== 'drop') return;
    const ids = JSON.parse(event.dataTransfer?.getData(DRAGGED) ?? '[]');
    const base = /** @type {HTMLElement} */ (document.querySelector('#move-rows form')).dataset.file ?? '';
    file(base, [...asFields(ids), ['folder', folder.dataset.folder ?? '']]);
  });
}
