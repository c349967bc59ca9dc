// @ts-check
/** What code can read, suggested while it is written: the four names, and what the sample data has below them. No DOM. */

export const NAMES = ['input', 'contact', 'steps', 'vars'];
const PATH = /(?:^|[^\w.\]'"])(input|contact|steps|vars)((?:\.\w+|\[(?:\d+|"[^"\]\n]*"|'[^'\]\n]*')\])*)(\.|\[["']?)([\w -]*)$/;
const PART = /\.(\w+)|\[(\d+)\]|\["([^"]*)"\]|\['([^']*)'\]/g;
const WORD = /(?:^|[^\w.'"])(\w*)$/;
const PLAIN = /^[A-Za-z_]\w*$/;

/** What stands in sample data at a path such as `.a["b"][0]`. @param {any} value @param {string} path */
function at(value, path) {
  for (const part of path.matchAll(PART)) value = value?.[part[1] ?? part[2] ?? part[3] ?? part[4]];
  return value;
}

/** @param {any} value */
function kind(value) {
  if (Array.isArray(value)) return `list of ${value.length}`;
  if (value === null || value === undefined) return '';
  if (typeof value === 'object') return 'object';
  return String(value).slice(0, 30);
}

/**
 * Suggestions for the text before the cursor: from which character on they replace it, and what they are; null when there are none.
 * @param {string} before text of the line up to the cursor
 * @param {any} sample `{input, contact, steps, vars}`
 * @param {string} language
 * @returns {{from: number, options: {label: string, apply: string, detail: string}[]} | null}
 */
export function suggestions(before, sample, language) {
  const path = PATH.exec(before);
  if (path) {
    const value = at(sample?.[path[1]], path[2]);
    if (!value || typeof value !== 'object' || Array.isArray(value)) return null;
    const [, , , opening, typed] = path;
    const options = Object.keys(value).map((label) => ({ label, apply: below(label, opening, language), detail: kind(value[label]) }));
    return { from: before.length - typed.length - opening.length, options };
  }
  const word = WORD.exec(before);
  if (!word || !word[1]) return null;
  const whole = language === 'python' ? 'print' : 'console.log';
  const names = [...NAMES.map((label) => ({ label, apply: label, detail: kind(sample?.[label]) })), { label: whole, apply: whole, detail: 'log' }];
  return { from: before.length - word[1].length, options: names };
}

/** How a field is read: with a dot where the language and the name allow it. @param {string} name @param {string} opening @param {string} language */
function below(name, opening, language) {
  if (language === 'javascript' && opening === '.' && PLAIN.test(name)) return `.${name}`;
  return `[${JSON.stringify(name)}]`;
}
