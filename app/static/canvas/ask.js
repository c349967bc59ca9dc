// @ts-check
/** A question with one answer of several, in a dialog that stands on the page. */
import { make } from './elements.js';

/** @typedef {{value: string, text: string, note: string}} Answer */

/** @param {Answer} answer */
function option({ value, text, note }) {
  const label = make('label', 'arm');
  const input = make('input', 'ck', { type: 'radio', name: 'arm', value });
  const words = make('span');
  words.textContent = text;
  const small = make('span', 'd');
  small.textContent = note;
  words.append(small);
  label.append(input, words);
  return label;
}

/**
 * Ask, with the first answer chosen. @param {string} id of the dialog @param {string} title what it is about @param {Answer[]} answers
 * @returns {Promise<string | null>} the value of the answer, null when the dialog was left
 */
export function askOne(id, title, answers) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById(id));
  const list = /** @type {HTMLElement} */ (dialog.querySelector('.arms'));
  list.replaceChildren(...answers.map(option));
  /** @type {any} */ (list.querySelector('input')).checked = true;
  /** @type {any} */ (dialog.querySelector('[data-title]')).textContent = title;
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      const chosen = /** @type {any} */ (list.querySelector(':checked'));
      resolve(dialog.returnValue === 'yes' ? chosen.value : null);
    }, { once: true });
  });
}
