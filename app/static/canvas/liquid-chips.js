// @ts-check
/** The simple variables of a text with Liquid: where they stand, what they read, what becomes of those without a value. No DOM. */

/** @typedef {'empty' | 'default' | 'fail'} Rule */
/** @typedef {{from: number, to: number, path: string, written: string, filters: string[], rule: Rule, instead: string,
 * place?: number}} Chip
 * `path`: as the catalogue calls it; `written`: as it stands in the text; `filters`: those that do not say what stands there without a value;
 * `place`: before which of them that is said, undefined where nothing says it */

const ROOTS = ['contact', 'event', 'steps', 'vars', 'workspace'];
const NAME = /^[\p{L}_][\p{L}\p{N}_-]*$/u;
const PART = /^(?:\.([\p{L}\p{N}_-]+)|\[(\d+)\]|\["([^"\]]*)"\]|\['([^'\]]*)'\])/u;
const FALLBACK = /^default\s*:\s*(?:"([^"]*)"|'([^']*)')$/;
/** What a placeholder begins with, and a part in which there are none: it is printed as it is, or not at all. */
const OPENING = /\{\{|\{%-?\s*(raw|doc|comment)\b/g;
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
  const place = fallbackFilter ? filters.indexOf(fallbackFilter) : undefined;
  const instead = fallback?.[1] ?? fallback?.[2] ?? '';
  return { from, to, path, written, filters: filters.filter((one) => one !== fallbackFilter), rule, instead, place };
}

/** Where a part without placeholders ends; only comments hold others of their kind. @param {string} text @param {string} name @param {number} at */
function endOfPart(text, name, at) {
  const marks = new RegExp(`\\{%-?\\s*(end)?${name}\\b`, 'g');
  marks.lastIndex = at;
  let depth = 1;
  for (let mark = marks.exec(text); mark; mark = marks.exec(text)) {
    if (mark[1]) depth -= 1;
    else if (name === 'comment') depth += 1;
    if (!depth) return marks.lastIndex;
  }
  return text.length;
}

/** @param {string} text @returns {Chip[]} in the order of the text */
export function chipsIn(text) {
  const chips = [];
  OPENING.lastIndex = 0;
  for (let opening = OPENING.exec(text); opening; opening = OPENING.exec(text)) {
    if (opening[1]) {
      OPENING.lastIndex = endOfPart(text, opening[1], OPENING.lastIndex);
      continue;
    }
    const at = opening.index;
    const end = text.indexOf('}}', at + 2);
    if (end < 0) break;
    const inside = text.slice(at + 2, end);
    const again = inside.lastIndexOf('{{');
    const start = again < 0 ? at : at + 2 + again;
    const chip = /\n|\{%|%\}/.test(text.slice(start + 2, end)) ? null : chipOf(text.slice(start + 2, end), start, end + 2);
    if (chip) chips.push(chip);
    OPENING.lastIndex = end + 2;
  }
  return chips;
}

/** A text between quotes; quotes inside it, of which Liquid knows no escape, become others. @param {string} text */
const quoted = (text) => {
  const line = text.replace(/\s+/g, ' ').replace(/(?<=[{}%])(?=[{}%])/g, ' '); // braces beside each other are no text
  return line.includes('"') && !line.includes("'") ? `'${line}'` : `"${line.replaceAll('"', '”')}"`;
};

/** How a variable is written. What stands there instead comes where it was among the filters, as those behind it change it too; a new one
 * comes last, unchanged, and a new demand for a value first, before a filter makes something of nothing.
 * @param {Pick<Chip, 'written' | 'filters' | 'rule' | 'instead' | 'place'>} chip */
export function sourceOf({ written, filters, rule, instead, place = rule === 'fail' ? 0 : filters.length }) {
  const ways = { empty: [], default: [`default: ${quoted(instead)}`], fail: ['or_fail'] }[rule];
  return `{{ ${[written, ...filters.slice(0, place), ...ways, ...filters.slice(place)].join(' | ')} }}`;
}
