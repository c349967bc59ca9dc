// @ts-check
/** The simple variables of a text with Liquid: where they stand, what they read, what becomes of those without a value. No DOM. */

/** @typedef {'empty' | 'default' | 'fail'} Rule */
/** @typedef {{from: number, to: number, path: string, written: string, filters: string[], rule: Rule, instead: string}} Chip
 * `path`: as the catalogue calls it; `written`: as it stands in the text; `filters`: those that do not say what stands there without a value */

const ROOTS = ['contact', 'event', 'steps', 'vars', 'workspace'];
const NAME = /^[\p{L}_][\p{L}\p{N}_-]*$/u;
const PART = /^(?:\.([\p{L}\p{N}_-]+)|\[(\d+)\]|\["([^"\]]*)"\]|\['([^'\]]*)'\])/u;
const FALLBACK = /^default\s*:\s*(?:"([^"]*)"|'([^']*)')$/;
const FILTER = /^\w+\s*(?::\s*\S[^]*)?$/;

/** The path of an expression such as `event["Order Id"].sku`, '' for what is no plain path. @param {string} text */
export function pathOf(text) {
  const root = text.slice(0, Math.min(...[text.indexOf('.'), text.indexOf('[')].map((at) => (at < 0 ? text.length : at))));
  if (!NAME.test(root) || !ROOTS.includes(root)) return '';
  const names = [root];
  for (let left = text.slice(root.length); left; ) {
    const part = PART.exec(left);
    if (!part) return '';
    names.push(part[2] === undefined ? part[1] ?? part[3] ?? part[4] : `[${part[2]}]`);
    left = left.slice(part[0].length);
  }
  return names.length > 1 ? names.join('.').replaceAll('.[', '[') : '';
}

/** Parts between bars; a bar in quotes is none. @param {string} text */
function piped(text) {
  const parts = [''];
  let quote = '';
  for (const letter of text) {
    if (quote ? letter === quote : letter === '"' || letter === "'") quote = quote ? '' : letter;
    if (letter === '|' && !quote) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  return quote ? [] : parts.map((part) => part.trim());
}

/** What stands between the braces as a chip, null for what stays text. @param {string} inside @param {number} from @param {number} to @returns {Chip | null} */
function chipOf(inside, from, to) {
  const [written = '', ...filters] = piped(inside);
  const path = pathOf(written);
  if (!path || !filters.every((one) => FILTER.test(one))) return null;
  const fallbackFilter = filters.find((one) => one === 'or_fail' || FALLBACK.test(one));
  const fallback = fallbackFilter ? FALLBACK.exec(fallbackFilter) : null;
  if (filters.some((one) => one !== fallbackFilter && /^(default|or_fail)\b/.test(one))) return null; // by another value, or twice
  const rule = !fallbackFilter ? 'empty' : fallback ? 'default' : 'fail';
  return { from, to, path, written, filters: filters.filter((one) => one !== fallbackFilter), rule, instead: fallback?.[1] ?? fallback?.[2] ?? '' };
}

/** @param {string} text @returns {Chip[]} in the order of the text */
export function chipsIn(text) {
  const chips = [];
  for (let at = text.indexOf('{{'); at >= 0; ) {
    const end = text.indexOf('}}', at + 2);
    if (end < 0) break;
    const inside = text.slice(at + 2, end);
    const again = inside.lastIndexOf('{{');
    const start = again < 0 ? at : at + 2 + again;
    const chip = /\n|\{%|%\}/.test(text.slice(start + 2, end)) ? null : chipOf(text.slice(start + 2, end), start, end + 2);
    if (chip) chips.push(chip);
    at = text.indexOf('{{', end + 2);
  }
  return chips;
}

/** A text between quotes; quotes inside it, of which Liquid knows no escape, become others. @param {string} text */
const quoted = (text) => {
  const line = text.replace(/\s+/g, ' ').replace(/(?<=[{}%])(?=[{}%])/g, ' '); // braces beside each other are no text
  return line.includes('"') && !line.includes("'") ? `'${line}'` : `"${line.replaceAll('"', '”')}"`;
};

/** How a variable is written. @param {Pick<Chip, 'written' | 'filters' | 'rule' | 'instead'>} chip */
export function sourceOf({ written, filters, rule, instead }) {
  const ways = { empty: [], default: [`default: ${quoted(instead)}`], fail: ['or_fail'] }[rule];
  return `{{ ${[written, ...ways, ...filters].join(' | ')} }}`;
}
