// @ts-check
/** How a variable is called: its name in people's words, the value that the sample has, and whether anybody knows it. */
import { BELOW, entryOfPath, spoken } from './field-catalog.js';
import { gettext } from '../texts.js';

/** @typedef {{label: string, group: string, sample: string, odd: string, words: string}} Face `odd`: what is known instead, where the name is a slip */

/** @type {Record<string, string>} */
let samples = {};
/** Paths that no data has, each with the nearest that some has. @type {Map<string, string>} */
let slips = new Map();

/** @param {Record<string, string>} values by path */
export function knowSamples(values) {
  samples = values;
}

/** @param {Map<string, string>} known */
export function knowSlips(known) {
  slips = known;
}

const GROUPS = { contact: 'Contact', event: 'Event', steps: 'Earlier steps', vars: 'Variables' };

/** @param {string} path */
function entryBelow(path) {
  const names = path.split(/(?=\.|\[)/);
  for (let count = names.length; count > 1; count -= 1) {
    const entry = entryOfPath(names.slice(0, count).join(''));
    if (entry) return { entry, deeper: names.slice(count).join('') };
  }
  return { entry: undefined, deeper: '' };
}

/** `.body[0].tier` as names. @param {string} deeper */
const inner = (deeper) => deeper.split(/[.[\]]+/).filter(Boolean).map((name) => `${BELOW}${name}`).join('');

/** @param {import('./liquid-chips.js').Chip} chip @returns {Face} */
export function faceOf({ path, rule, instead, filters }) {
  const { entry, deeper } = entryBelow(path);
  const label = `${entry?.label || spoken(entry ? entry.value : path)}${entry ? inner(deeper) : ''}`;
  const group = entry?.dataset.group ?? GROUPS[path.split('.')[0]] ?? '';
  const sample = samples[entry?.value ?? path] ?? '';
  const odd = slips.get(path) ?? '';
  const without = {
    empty: '', default: gettext('without a value: %(text)s', { text: instead || gettext('nothing') }), fail: gettext('without a value the step fails'),
  }[rule];
  const words = [gettext('Variable %(name)s', { name: label }), deeper ? '' : sample, filters.join(', '), without, odd && gettext('nobody has it')];
  return { label, group, sample: deeper ? '' : sample, odd, words: words.filter(Boolean).join(', ') };
}
