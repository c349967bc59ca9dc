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

/** A step with what was chosen for the topics that it names in one of `fields`; '' leaves the field out. Pure.
 * @param {any} data @param {{name: string, value: string, fields: string[]}[]} topics */
export function withTopics(data, topics) {
  const chosen = topics.flatMap(({ name, value, fields }) => fields.map((field) => ({ name, value, field })));
  const entries = Object.entries(data ?? {}).map(([key, part]) => {
    const topic = chosen.find((one) => one.field === key && typeof part === 'string' && part.trim() === one.name);
    return [key, topic ? topic.value : part, topic?.value === ''];
  });
  return data && Object.fromEntries(entries.filter(([, , isLeft]) => !isLeft));
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
  if (!nodes.some((node) => namesRows(node.data) || node.data?.topic)) return nodes;
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
  const chosen = selects.map((select) => ({ key: select.dataset.missing ?? '', value: select.value, fields: select.dataset.fields }));
  const rows = new Map(chosen.filter((one) => !one.fields).map((one) => [one.key, one.value]));
  const topics = chosen.filter((one) => one.fields)
    .map((one) => ({ name: one.key.slice('topic:'.length), value: one.value, fields: (one.fields ?? '').split(' ') }));
  return nodes.map((node) => ({ ...node, data: withTopics(mapped(node.data, rows), topics) }));
}
