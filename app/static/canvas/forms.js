// @ts-check
/**
 * Reads a step's form as its config. Names are paths; `data-kind` says the type; `data-list` and `data-map` hold rows. The same
 * rules serve every step type, so a new one needs no JavaScript.
 */
import { dress, entryOf, nameChoices } from './field-catalog.js';
import { dressList, partsOf, wholeText } from './value-chips.js';

/** Text as the value it looks like; quotes keep it text. @param {string} text */
export function auto(text) {
  const plain = text.trim();
  if (plain === 'true' || plain === 'false') return plain === 'true';
  if (/^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(plain)) return Number(plain);
  const quoted = /^"(.*)"$/.exec(plain);
  return quoted ? quoted[1] : text;
}

/** What the chosen operator of a condition takes. @param {Element} control */
const shapeOf = (control) => {
  const row = control.closest('[data-item]');
  return row && own(row, '[name=operator]')[0]?.selectedOptions[0]?.dataset.shape;
};

/** @param {string} text */
const autoList = (text) => partsOf(text).map(auto).filter((part) => part !== '');

/** Keys that alone make no item of a list: a row of a condition whose field is not filled in yet. */
const BESIDE = ['match', 'operator', 'value', 'conditions', 'id'];

/** @param {any} control @returns {any} undefined when there is nothing to keep */
function valueOf(control) {
  const { kind = 'text', keep } = control.dataset;
  if (kind === 'choice') return control.checked ? control.value : undefined;
  if (control.type === 'checkbox') return control.checked ? true : keep === undefined ? undefined : false;
  if (control.type === 'radio' && !control.checked) return undefined;
  const text = kind === 'auto' ? wholeText(control) : control.value;
  if (text.trim() === '') return keep === undefined ? undefined : kind === 'list' ? [] : '';
  if (kind === 'json') return JSON.parse(text);
  if (kind === 'number') return Number.isNaN(Number(text)) ? text : Number(text);
  if (kind === 'seconds') return Number.isNaN(Number(text)) ? text : Math.round(Number(text) * 1000); // kept in milliseconds
  if (kind === 'auto') return shapeOf(control) === 'many' ? autoList(text) : auto(text);
  if (kind === 'date') {
    const time = control.closest('[data-item], [data-moment]')?.querySelector('[data-time]');
    return time?.value && !time.closest('[hidden]') ? `${text}T${time.value}` : text;
  }
  if (kind === 'list') return text.split(',').map((part) => part.trim()).filter(Boolean);
  return text;
}

/** What belongs to `scope` itself and not to a row inside it. @param {Element} scope @param {string} selector */
const own = (scope, selector) => /** @type {any[]} */ ([...scope.querySelectorAll(selector)].filter((element) => {
  const holder = element.parentElement?.closest('[data-item], [data-list], [data-map]');
  return !holder || holder === scope || !scope.contains(holder) || holder.contains(scope);
}));

/** Does a row say anything? @param {any} item */
const says = (item) => Object.keys(item).some((key) => !BESIDE.includes(key)) || item.conditions?.length;

/** What rows say as they were when the form was opened, as JSON; and what was stored of those that say so still. @type {WeakMap<Element, string>} */
const opened = new WeakMap();
/** @type {WeakMap<any, string>} */
const stored = new WeakMap();

/** The JSON of a value that `read` gave, in which numbers that JavaScript cannot hold are as they were stored. @param {any} value @returns {string} */
export function written(value) {
  if (!value || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (stored.has(value)) return /** @type {string} */ (stored.get(value));
  if (Array.isArray(value)) return `[${value.map(written).join(',')}]`;
  return `{${Object.entries(value).map(([key, part]) => `${JSON.stringify(key)}:${written(part)}`).join(',')}}`;
}

/** What a row or a form says. A row with `data-stored` that nobody has changed says what was stored, whatever its controls can show.
 * @param {any} scope @returns {any} */
export function read(scope) {
  const values = valuesOf(scope);
  const text = scope.dataset?.stored;
  if (text === undefined || opened.get(scope) !== written(values)) return values;
  const before = JSON.parse(text);
  stored.set(before, text);
  return before;
}

/** @param {Element} scope @returns {any} */
function valuesOf(scope) {
  /** @type {any} */
  const values = {};
  const several = new Set(own(scope, '[data-kind=choice]').map((box) => box.name)); // boxes of one name make a list
  const put = (path, value) => {
    if (value === undefined) return;
    const parts = path.split('.');
    let at = values;
    for (const [place, part] of parts.slice(0, -1).entries()) at = at[part] ??= /^\d+$/.test(parts[place + 1]) ? [] : {};
    const last = parts[parts.length - 1];
    at[last] = several.has(path) ? [...(at[last] ?? []), value] : value;
  };
  const controls = own(scope, '[name]:not([name=""], [data-time], [data-beside])'); // `data-beside`: sent by itself, no part of the config
  for (const control of controls) if (!control.disabled && !control.closest('[hidden]')) put(control.name, valueOf(control));
  for (const list of own(scope, '[data-list]')) {
    if (list.closest('[hidden]')) continue;
    put(list.dataset.list, rows(list).map(read).filter(says));
  }
  for (const map of own(scope, '[data-map]')) {
    if (map.closest('[hidden]')) continue;
    const pairs = rows(map).map(read).filter((pair) => pair.key);
    const value = map.dataset.flagged === undefined ? (pair) => pair.value ?? '' : objectOf;
    if (pairs.length || map.dataset.keep !== undefined) put(map.dataset.map, Object.fromEntries(pairs.map((pair) => [pair.key, value(pair)])));
    const flagged = pairs.filter((pair) => pair.flag).map((pair) => pair.key);
    if (flagged.length) put(map.dataset.flagged, flagged);
  }
  return values;
}

/** The value of a row of a `data-map` whose values are objects: its fields, and what `more` keeps of what the form does not show. */
const objectOf = ({ key: _key, flag: _flag, more, ...fields }) => ({ ...more, ...fields });

/** Rows directly in a list. */
const rows = (list) => {
  const items = /** @type {HTMLElement[]} */ ([...list.querySelectorAll('[data-item]')]);
  return items.filter((item) => item.parentElement?.closest('[data-list], [data-map]') === list);
};

/** @type {WeakMap<Element, HTMLOptionElement[]>} */
const offers = new WeakMap();

/** The operators of a kind of field; all where nothing is known of it, or none is for its kind. @param {any[]} all options @param {string} kind */
export function operatorsOf(all, kind) {
  const fitting = kind ? all.filter(({ dataset }) => (dataset.kinds ?? '').split(' ').includes(kind)) : [];
  return fitting.length ? fitting : all;
}

/** Was this operator stored for the field that the row names? @param {any} row @param {string} field @param {string} operator */
function wasStored({ dataset }, field, operator) {
  const before = dataset.stored ? JSON.parse(dataset.stored) : {};
  return before.operator === operator && before.field === field;
}

/** Offer the operators that fit the kind of the field; the chosen one stays when a value stands beside it, or as it was stored.
 * @param {any} select */
function offer(select) {
  const row = select.closest('[data-item]');
  const field = row.querySelector(`[name="${select.dataset.offer}"]`);
  const kind = entryOf(field)?.dataset.kind ?? '';
  const all = offers.get(select) ?? offers.set(select, [...select.options]).get(select) ?? [];
  const chosen = select.value;
  const fitting = operatorsOf(all, kind);
  const isEmpty = [...row.querySelectorAll('[name="value"]')].every((/** @type {any} */ control) => wholeText(control) === '');
  const keep = fitting.some((option) => option.value === chosen) || !isEmpty || wasStored(row, field.value, chosen);
  const offered = all.filter((option) => fitting.includes(option) || (keep && option.value === chosen));
  if (offered.length !== select.options.length || !keep) select.replaceChildren(...offered);
  select.value = keep ? chosen : offered[0].value;
}

/**
 * Show what belongs to the chosen values: `data-when="operator=in|not_in"`, `data-unless` for the opposite. The control is looked for in the
 * row, then in the form; one that is no field of the config has its name in `data-choice`. @param {Element} form
 */
export function arrange(form) {
  for (const select of form.querySelectorAll('[data-offer]')) offer(select);
  for (const part of /** @type {any} */ (form.querySelectorAll('[data-when], [data-unless]'))) {
    const [name, values] = (part.dataset.when ?? part.dataset.unless).split('=');
    const selector = `[name="${name}"]:is(select, input:not([type=radio])), [name="${name}"]:checked, [data-choice="${name}"]`;
    const control = part.closest('[data-item]')?.querySelector(selector) ?? form.querySelector(selector);
    const value = control?.type === 'checkbox' ? String(control.checked) : control?.value;
    part.hidden = values.split('|').includes(value) !== (part.dataset.when !== undefined);
  }
  for (const control of form.querySelectorAll('input[data-values]')) dressList(/** @type {any} */ (control));
  for (const control of form.querySelectorAll('[data-pick]')) dress(/** @type {any} */ (control));
  for (const names of form.querySelectorAll('.picks .names')) nameChoices(names);
  for (const row of [...form.querySelectorAll('[data-stored]')].reverse()) if (!opened.has(row)) opened.set(row, written(valuesOf(row))); // inner ones first
}

/** Add and remove rows. Returns true when the click changed the form. @param {any} target */
export function editRows(target) {
  const add = target.closest('[data-add]');
  if (add) {
    const list = add.closest('.rows').querySelector('[data-list], [data-map]');
    const name = add.dataset.add;
    const template = /** @type {any} */ (document.getElementById(name) ?? add.closest('form').querySelector(`template[data-row="${name}"]`));
    const row = template.content.firstElementChild.cloneNode(true);
    const fresh = row.querySelector('[data-fresh]');
    if (fresh) row.dataset.port = fresh.value = `${fresh.dataset.fresh}-${Math.random().toString(36).slice(2, 7)}`;
    list.append(row);
    arrange(row.closest('form'));
    (row.querySelector('[data-pick]') ?? row.querySelector('input:not([type=hidden]), select'))?.focus();
    return !!fresh; // a row with an id of its own is there at once: the way out that it makes can be connected
  }
  const drop = target.closest('[data-drop]');
  if (!drop) return false;
  const row = drop.closest('[data-item]');
  const next = row.nextElementSibling ?? row.previousElementSibling ?? row.closest('.rows').querySelector('[data-add]');
  row.remove();
  (next.querySelector?.('[data-grip], input, select') ?? next).focus();
  return true;
}

/**
 * A text whose plain placeholders of a path have this filter, `or_fail` or `default: "…"`, or none.
 * @param {string} text @param {string} path @param {string} filter
 */
export const withFallback = (text, path, filter) => text.replace(
  /\{\{\s*([\p{L}_][\p{L}\p{N}_.[\]-]*)\s*(\|\s*(or_fail|default:\s*("[^"]*"|'[^']*'))\s*)?\}\}/gu,
  (whole, name) => (name === path ? `{{ ${path}${filter && ` | ${filter}`} }}` : whole),
);

/** A path as a text reads it: `event.Order Id`, as a sender calls its property, is `event["Order Id"]`, and consent is of the contact. @param {string} path */
export const pathInText = (path) => path.replace(/^consent\./, 'contact.consent.').split('.').reduce((whole, name) => {
  if (/^[\p{L}\p{N}_[\]-]+$/u.test(name)) return `${whole}.${name}`;
  return `${whole}[${name.includes('"') ? `'${name}'` : `"${name}"`}]`;
});

/** One press that mends it; the same as in the list of errors and warnings. @param {string} label @param {number} at of the diagnostic */
function fixButton(label, at) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'mend';
  button.textContent = label;
  Object.assign(button.dataset, { do: 'fix', index: String(at) });
  return button;
}

let counter = 0;

/**
 * Write errors beside their fields; what is only to do (`to-do`), or a `warning`, is no mistake of the field.
 * @param {Element} form @param {{path: string, message: string, severity?: string, fix?: any, at?: number}[]} errors paths below the config
 */
export function showErrors(form, errors) {
  for (const old of form.querySelectorAll('.bad-text[data-live]')) old.remove();
  for (const control of form.querySelectorAll('[aria-invalid], [aria-describedby*="-live"]')) {
    control.removeAttribute('aria-invalid');
    const ids = (control.getAttribute('aria-describedby') ?? '').split(' ').filter((id) => id && !id.endsWith('-live'));
    if (ids.length) control.setAttribute('aria-describedby', ids.join(' '));
    else control.removeAttribute('aria-describedby');
  }
  for (const error of errors) {
    const control = find(form, error.path);
    if (!control) continue;
    const field = control.closest('.f, [data-item]') ?? control.parentElement;
    const text = document.createElement('p');
    const isWrong = !['to-do', 'warning'].includes(error.severity ?? '');
    text.className = isWrong ? 'bad-text' : `bad-text ${error.severity}`;
    text.dataset.live = '';
    text.id = `error-${(counter += 1)}-live`;
    text.textContent = error.message;
    if (error.fix && (error.at ?? -1) >= 0) text.append(' ', fixButton(error.fix.label, error.at));
    if (isWrong && !control.matches('button')) control.setAttribute('aria-invalid', 'true');
    const others = (control.getAttribute('aria-describedby') ?? '').split(' ').filter((id) => id && id !== text.id);
    control.setAttribute('aria-describedby', [text.id, ...others].join(' '));
    field.append(text);
  }
}

/** The row of a path such as `conditions[1].value`, or the nearest element around where it would be, and the path below it.
 * @param {any} form @param {string} path @returns {{scope: any, below: string}} */
export function placeOf(form, path) {
  let scope = form;
  let below = path;
  for (let match; (match = /^([\w.]+?)\[(\d+)\]\.?(.*)$/.exec(below)); ) {
    const list = own(scope, `[data-list="${match[1]}"]`)[0];
    if (!list) break;
    scope = rows(list).filter((row) => !row.matches('.cond') || says(read(row)))[Number(match[2])] ?? list.closest('.rows');
    below = match[3];
  }
  return { scope, below };
}

/** The value in the line of a map that a path names: `X-Name` of headers, whose names may have dots. @param {Element} list @param {string} path */
function lineOf(list, path) {
  for (const row of rows(list)) {
    const key = own(row, '[name=key]')[0]?.value;
    if (key && (path === key || path.startsWith(`${key}.`) || path.startsWith(`${key}[`))) return own(row, '[name=value]')[0];
  }
  return undefined;
}

/** The control of a path such as `conditions[1].value`, or the nearest one above it. */
export function find(form, path) {
  const { scope, below } = placeOf(form, path);
  if (below === '') return own(scope, '[name]')[0];
  const [head] = below.split(/[.[]/);
  const list = own(scope, `[data-map="${head}"], [data-list="${head}"]`)[0];
  const line = list?.dataset.map && lineOf(list, below.slice(head.length + 1));
  if (line) return line;
  const shown = (/** @type {string} */ name) => {
    const escaped = CSS.escape(name);
    return own(scope, `[name="${escaped}"], [name^="${escaped}."]`).find((control) => !control.closest('[hidden]'));
  };
  return (
    shown(below.replace(/\[(\d+)\]/g, '.$1')) ??
    shown(head) ??
    own(scope, `[name="${CSS.escape(head)}"]`)[0] ??
    list?.querySelector('input, select') ??
    list?.closest('.rows').querySelector('[data-add]')
  );
}

/**
 * What is being typed while the form comes anew: call the answer with the new form, and what was typed meanwhile goes on there, in the
 * same field with the cursor where it was. @param {HTMLFormElement | null} form @returns {((next: HTMLFormElement) => void) | undefined}
 */
export function typingIn(form) {
  const active = /** @type {any} */ (document.activeElement);
  const control = active?.area ?? active; // under chips
  if (!form?.contains(control) || !control.name || !control.matches('input:not([type=checkbox], [type=radio]), textarea')) return undefined;
  const { about } = form.dataset;
  const peers = (one) => [...one.elements].filter((other) => other.name === control.name);
  const [place, before] = [peers(form).indexOf(control), control.value];
  return (next) => {
    const field = next.dataset.about === about && peers(next)[place];
    if (!field) return;
    const typed = control.value !== before;
    if (typed) field.value = control.value;
    // The canvas keeps the focus while the form is on its way for long.
    const cursor = active.area ? active : control;
    if ([document.body, field].includes(document.activeElement) || document.activeElement?.matches('flow-canvas')) {
      field.focus({ preventScroll: true });
      if (typed && cursor.selectionStart !== null) field.setSelectionRange?.(cursor.selectionStart, cursor.selectionEnd);
    }
    if (typed) field.dispatchEvent(new Event('input', { bubbles: true }));
  };
}
