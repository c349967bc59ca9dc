// @ts-check
/** What pasted steps name and this workspace does not have: a dialog asks what stands for it. Loaded when something like that is pasted. */

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** May these steps name rows of a workspace? @param {any} value @returns {boolean} */
export function namesRows(value) {
  if (typeof value === 'string') return ID.test(value);
  return !!value && typeof value === 'object' && Object.values(value).some(namesRows);
}

/** A copy in which each id is what was chosen for it; for '' it is left out. Pure. @param {any} value @param {Map<string, string>} chosen @returns {any} */
export function mapped(value, chosen) {
  const left = (/** @type {any} */ part) => typeof part === 'string' && chosen.get(part) === '';
  if (Array.isArray(value)) return value.filter((part) => !left(part)).map((part) => mapped(part, chosen));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).filter(([, part]) => !left(part)).map(([key, part]) => [key, mapped(part, chosen)]));
  }
  return typeof value === 'string' ? chosen.get(value) ?? value : value;
}

/** The names that a file of the export has for what it uses. @param {string} text @returns {Record<string, string>} */
function namesIn(text) {
  const { uses } = JSON.parse(text) ?? {};
  const rows = ['templates', 'connectors', 'segments', 'workflows'].flatMap((part) => Object.entries(uses?.[part] ?? {}));
  return Object.fromEntries(rows.map(([id, row]) => [id, String(row?.name ?? '')]));
}

/** The steps of a clip with what was chosen; as they are when nothing is missing or nobody can be asked; null when the dialog was left.
 * @param {any[]} nodes @param {string} text what was pasted */
export async function withRowsOfHere(nodes, text) {
  if (!nodes.some((node) => namesRows(node.data))) return nodes;
  const headers = JSON.parse(document.body.getAttribute('hx-headers:inherited') ?? '{}');
  const body = new URLSearchParams({ nodes: JSON.stringify(nodes), names: JSON.stringify(namesIn(text)) });
  const answer = await fetch('/workflows/paste', { method: 'POST', body, headers, redirect: 'error' }).catch(() => null);
  if (answer?.status !== 200) return nodes;
  const place = /** @type {HTMLElement} */ (document.getElementById('dialogs'));
  place.innerHTML = await answer.text();
  const dialog = /** @type {HTMLDialogElement} */ (place.querySelector('dialog'));
  dialog.returnValue = 'no';
  dialog.showModal();
  /** @type {HTMLElement | null} */ (dialog.querySelector('select'))?.focus();
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  const selects = /** @type {HTMLSelectElement[]} */ ([...dialog.querySelectorAll('[data-missing]')]);
  dialog.remove();
  if (dialog.returnValue !== 'yes') return null;
  const chosen = new Map(selects.map((select) => [select.dataset.missing ?? '', select.value]));
  return nodes.map((node) => ({ ...node, data: mapped(node.data, chosen) }));
}
