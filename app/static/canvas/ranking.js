// @ts-check
/** Which choice is meant by what was typed. */

const NOT_AT_ALL = 5;

/** @typedef {{title: string, keywords: string}} Choice both in small letters; the keywords hold the title, too */

/**
 * How well a choice fits: 0 it is its title, 1 its title begins so, 2 a word of its title does, 3 one of its keywords does,
 * 4 it is somewhere in it, 5 not at all.
 * @param {Choice} choice @param {string} typed in small letters, without blanks around it
 */
export function fit({ title, keywords }, typed) {
  const begins = (/** @type {string} */ text) => text.split(/[\s_./-]+/).some((word) => word.startsWith(typed));
  if (title === typed) return 0;
  if (title.startsWith(typed)) return 1;
  if (begins(title) || title.includes(` ${typed}`)) return 2;
  if (begins(keywords) || keywords.includes(` ${typed}`)) return 3;
  return keywords.includes(typed) ? 4 : NOT_AT_ALL;
}

/** Those that fit, the best first; equals stay in their order. @template {Choice} T @param {T[]} choices @param {string} typed */
export function fitting(choices, typed) {
  const ranked = choices.map((choice) => ({ choice, rank: fit(choice, typed) }));
  return ranked.filter(({ rank }) => rank < NOT_AT_ALL).sort((a, b) => a.rank - b.rank).map(({ choice }) => choice);
}
