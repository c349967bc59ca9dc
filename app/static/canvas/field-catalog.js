// @ts-check
/** What the condition lists of a page can look at: the options of a `<datalist>`, which a control names in `data-pick`. */

import { gettext } from '../texts.js';

/** Icons of the groups of fields, by the sprite. */
const ICONS = {
  Contact: 'user-round', Attributes: 'user-pen', Tags: 'tag', Consent: 'bell', Event: 'activity', Events: 'activity', Messages: 'mail',
  Workflows: 'workflow', Segments: 'funnel',
  'Earlier steps': 'route', Variables: 'braces',
};
/** What people read for the words of a list. */
const WORDS = () => ({
  Contact: gettext('Contact'), Attributes: gettext('Attributes'), Tags: gettext('Tags'), Consent: gettext('Consent'), Event: gettext('Event'),
  Events: gettext('Events'), Messages: gettext('Messages'), Workflows: gettext('Workflows'), Segments: gettext('Segments'),
  'Earlier steps': gettext('Earlier steps'), Variables: gettext('Variables'),
  text: gettext('text'), number: gettext('number'), boolean: gettext('yes or no'), date: gettext('date'), list: gettext('list'),
});
/** A group or a kind in the reader's language. @param {string} word */
export const wordOf = (word) => WORDS()[word] ?? word;

/** Between a name and one inside it. */
export const BELOW = ' › ';

/** The group of what a list does not have. */
const USUAL = { 'known-events': 'Events', 'known-properties': 'Event' };
const SPRITE = '/static/vendor/lucide-1.62.0/sprite.svg';

/** Of a list, and of what the steps before put out where fields are looked for. @param {string} id of a datalist
 * @returns {HTMLOptionElement[]} */
export function optionsOf(id) {
  const lists = [id, ...(id === 'known-fields' ? ['known-earlier'] : [])];
  const all = /** @type {HTMLOptionElement[]} */ (lists.flatMap((one) => [...document.querySelectorAll(`#${CSS.escape(one)} option`)]));
  const groups = [...new Set(all.map(({ dataset }) => dataset.group))]; // what triggers bring stands with what came in
  return groups.flatMap((group) => all.filter(({ dataset }) => dataset.group === group));
}

/** The entry of a path: `contact.attributes.plan`, `contact.plan` and `plan` are one. @param {string} field @param {string} [list] */
export function entryOfPath(field, list = 'known-fields') {
  if (!field) return undefined;
  const attribute = `contact.attributes.${field.replace(/^contact\.(attributes\.)?/, '')}`;
  const names = [field.replace(/^contact\.consent\./, 'consent.'), `contact.${field}`, attribute, `event.${field}`];
  const known = optionsOf(list).filter((option) => !option.dataset.row);
  return names.map((name) => known.find((option) => option.value === name)).find(Boolean);
}

/** The entry of what a control names. @param {HTMLInputElement} control */
export const entryOf = (control) => entryOfPath(control.value.trim(), control.dataset.pick);

/** @param {string} group @returns {SVGSVGElement} */
export function iconOf(group) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'i');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `${SPRITE}#i-${ICONS[group] ?? 'braces'}`);
  svg.append(use);
  return svg;
}

/** A path as people call it, where nothing is known of it; as `app/flow/field_names.py` has it. @param {string} path */
export function spoken(path) {
  const [root, ...names] = path.replaceAll(/\[(\d+)\]/g, '.$1').split('.');
  const below = names.join(BELOW);
  if (!below) return root;
  if (root === 'event') return gettext('event %(name)s', { name: below });
  if (root === 'steps') return [gettext('“%(text)s”', { text: titleOf(names[0]) }), ...names.slice(1)].join(BELOW);
  if (root === 'consent') return gettext('consent to %(name)s', { name: below });
  return ['contact', 'vars'].includes(root) ? below.replace(`attributes${BELOW}`, '') : [root, ...names].join(BELOW).replace(`attributes${BELOW}`, '');
}

/** @param {string} step its id */
const titleOf = (step) => /** @type {any} */ (document.querySelector('flow-canvas'))?.graph?.nodes.get(step)?.name || step;

/** Show what a control names as people call it, over its path. @param {HTMLInputElement} control */
export function dress(control) {
  const face = control.parentElement?.querySelector('.face');
  if (!face) return;
  const entry = entryOf(control);
  const label = entry?.label || spoken(control.value.trim());
  const group = entry?.dataset.group ?? USUAL[control.dataset.pick ?? ''] ?? '';
  if (face.textContent !== label) face.replaceChildren(...(label ? [iconOf(group), label] : []));
}

/** Say on its button which segments a row asks for. @param {Element} names */
export function nameChoices(names) {
  const boxes = /** @type {any[]} */ ([...(names.closest('details')?.querySelectorAll('input:checked + span') ?? [])]);
  names.textContent = boxes.map((span) => span.textContent).join(' or ') || /** @type {HTMLElement} */ (names).dataset.empty || '';
}
