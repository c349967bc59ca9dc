// @ts-check
/** What the template editor offers while somebody writes Liquid: variables after `{{`, filters after `|`, tags after `{%`. Knows no DOM. */

/** @typedef {{label: string, detail?: string, text: string, cursor: number}} LiquidOffer what is written, and where in it the cursor then stands */

const VARIABLE = /\{\{-?\s*([\p{L}\p{N}_.[\]-]*)$/u;
const FILTER = /\{[{%][^{}%]*\|\s*(\w*)$/;
const TAG = /\{%-?\s*(\w*)$/;
/** Tags with what closes them, '' where nothing does. */
const TAGS = {
  if: 'endif', elsif: '', else: '', unless: 'endunless', case: 'endcase', when: '', for: 'endfor', assign: '', capture: 'endcapture',
  comment: 'endcomment', endif: '', endunless: '', endcase: '', endfor: '',
};
/** Tags that say nothing more. */
const BARE = ['else', 'comment', 'endif', 'endunless', 'endcase', 'endfor'];

/** Of a placeholder of the insert menu what stands in its braces; '' for what is none. @param {string} code */
const inside = (code) => /^\{\{-?\s*(.*?)\s*-?\}\}$/.exec(code)?.[1] ?? '';

/** @param {string} name @returns {LiquidOffer} */
function tagOffer(name) {
  const bare = BARE.includes(name);
  const head = `{% ${name} ${bare ? '' : ' '}%}`;
  const closing = TAGS[/** @type {keyof typeof TAGS} */ (name)];
  return { label: name, text: head + (closing && `{% ${closing} %}`), cursor: bare ? head.length : head.length - 3 };
}

/**
 * What fits before the cursor: where the typed word begins, what of the text is replaced, and the offers; null where nothing is offered.
 * @param {string} before the text before the cursor @param {string} after the text behind it
 * @param {{code: string, label: string}[]} variables placeholders with what they are called @param {string[]} filters
 */
export function liquidOffers(before, after, variables, filters) {
  const filter = FILTER.exec(before);
  if (filter) {
    const from = before.length - filter[1].length;
    return { from, replaces: { from, to: before.length }, offers: filters.map((name) => ({ label: name, text: name, cursor: name.length })) };
  }
  const variable = VARIABLE.exec(before);
  const tag = variable ? null : TAG.exec(before);
  const open = variable ?? tag;
  if (!open) return null;
  const closed = (variable ? /^[\p{L}\p{N}_.[\]-]*\s*-?\}\}/u : /^\s*-?%\}/).exec(after)?.[0].length ?? 0;
  const offers = variable
    ? variables.filter(({ code }) => inside(code)).map(({ code, label }) => ({ label: inside(code), detail: label, text: code, cursor: code.length }))
    : Object.keys(TAGS).map(tagOffer);
  return { from: before.length - open[1].length, replaces: { from: open.index, to: before.length + closed }, offers };
}
