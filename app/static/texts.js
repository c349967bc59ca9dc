// @ts-check
/** Texts in the reader's language. English stands in the code; a page in another language carries the others (`#script-texts` of document_head.html).
 * Placeholders are `%(name)s`, as in Python and templates; `./dev texts` finds what these two functions are called with. */

/** @type {Element | null | undefined} */
let read;
/** @type {Record<string, string[]>} */
let translations = {};

/** The texts of the page that is shown now: a page may take the place of another without a new document.
 * @returns {Record<string, string[]>} */
function texts() {
  const element = globalThis.document?.querySelector("#script-texts");
  if (element !== read) {
    read = element;
    translations = element ? JSON.parse(element.textContent ?? "{}") : {};
  }
  return translations;
}

/** @param {string} text @param {Record<string, unknown>} values */
const filled = (text, values) => text.replace(/%\((\w+)\)s/g, (place, name) => (name in values ? String(values[name]) : place));

/** The language of the page, for `Intl`. */
export const language = () => globalThis.document?.documentElement.lang || "en";

/** @param {string} message @param {Record<string, unknown>} [values] */
export const gettext = (message, values = {}) => filled(texts()[message]?.[0] ?? message, values);

/** A text that depends on a number, which is a placeholder as well: `%(number)s`. Languages whose plural begins at two.
 * @param {string} one @param {string} many @param {number} number @param {Record<string, unknown>} [values] */
export function ngettext(one, many, number, values = {}) {
  const text = texts()[one]?.[number === 1 ? 0 : 1] ?? (number === 1 ? one : many);
  return filled(text, { number: new Intl.NumberFormat(language()).format(number), ...values });
}
