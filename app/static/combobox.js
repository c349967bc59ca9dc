// @ts-check
/**
 * A text field with a list of what fits what is typed, by the combobox pattern of ARIA. Who extends it says what is listed (`choices`),
 * what the field shows while nothing is typed (`chosenText`), and what taking one does (`take`).
 */
let number = 0;
const MOVES = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };

/** @param {string} tag @param {Record<string, string>} attributes @param {string} [text] */
export function element(tag, attributes, text = '') {
  const one = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value);
  one.textContent = text;
  return one;
}

export class Combobox extends HTMLElement {
  /** The field, its list and the words for those who hear the page. @param {string} placeholder */
  build(placeholder) {
    const id = `options-${(number += 1)}`;
    this.input = /** @type {HTMLInputElement} */ (element('input', {
      id: `${id}-input`, type: 'text', role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': id,
      autocomplete: 'off', spellcheck: 'false', placeholder,
    }));
    this.list = element('ul', { id, role: 'listbox', class: 'combo', hidden: '' });
    this.count = element('span', { role: 'status', class: 'sr' });
  }

  listen() {
    const { input, list } = this;
    input.addEventListener('focus', () => input.select());
    input.addEventListener('click', () => this.list.hidden && this.open());
    input.addEventListener('input', (event) => {
      event.stopPropagation();
      this.typed = Boolean(input.value.trim());
      this.open(input.value);
    });
    input.addEventListener('change', (event) => event.stopPropagation());
    input.addEventListener('keydown', (event) => this.key(event));
    input.addEventListener('blur', () => this.close());
    // A press in the list leaves the focus in the field, so that the list stays until it is over.
    list.addEventListener('pointerdown', (event) => event.preventDefault());
    list.addEventListener('click', (event) => {
      const option = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest('[role=option]'));
      if (option) this.take(Number(option.dataset.index));
    });
  }

  /** What is chosen, in the field. */
  show() {
    this.input.value = this.chosenText();
  }

  /** @param {HTMLElement[]} options what fits, in order. @param {{ none: string, count: string, at?: number }} words */
  fill(options, { none, count, at }) {
    this.list.replaceChildren(...options);
    if (!options.length) this.list.append(element('li', { class: 'none' }, none));
    this.list.hidden = false;
    this.input.setAttribute('aria-expanded', 'true');
    this.count.textContent = count;
    this.mark(at);
  }

  /** @param {number} index its place among all choices. @param {string} name @param {string} detail @param {boolean} [chosen] */
  option(index, name, detail, chosen = false) {
    const one = element('li', { id: `${this.list.id}-${index}`, role: 'option', 'aria-selected': String(chosen), 'data-index': String(index) });
    one.append(element('b', { dir: 'auto' }, name), element('span', { class: 'muted' }, detail));
    return one;
  }

  /** The option that Enter takes. @param {number | undefined} index */
  mark(index) {
    this.at = index;
    for (const one of this.list.children) one.classList.toggle('at', /** @type {HTMLElement} */ (one).dataset.index === String(index));
    const marked = this.list.querySelector('.at');
    if (marked) this.input.setAttribute('aria-activedescendant', marked.id);
    else this.input.removeAttribute('aria-activedescendant');
    marked?.scrollIntoView({ block: 'nearest' });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key in MOVES) {
      event.preventDefault();
      if (this.list.hidden) return this.open();
      const options = /** @type {HTMLElement[]} */ ([...this.list.querySelectorAll('[role=option]')]);
      if (!options.length) return undefined;
      const place = options.findIndex((one) => one.dataset.index === String(this.at)) + MOVES[event.key];
      return this.mark(Number(options[Math.max(0, Math.min(options.length - 1, place))]?.dataset.index));
    }
    if (this.list.hidden) return undefined;
    // Who types a name and goes on means it: what is marked is taken, as by Enter.
    if (event.key === 'Tab' && this.typed && this.at !== undefined) return this.take(this.at);
    if (!['Enter', 'Escape'].includes(event.key)) return undefined;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === 'Enter' && this.at !== undefined) return this.take(this.at);
    return this.close();
  }

  close() {
    this.typed = false;
    this.list.hidden = true;
    this.input.setAttribute('aria-expanded', 'false');
    this.input.removeAttribute('aria-activedescendant');
    this.show();
  }
}
