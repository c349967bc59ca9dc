// @ts-check
/**
 * `<zone-picker>` around a select of time zones: a combobox that finds a zone by its city, country, name or offset. The select stays in the
 * form and keeps the value; without scripts it is what people see.
 */
import { gettext, ngettext } from './texts.js';

const plain = (/** @type {string} */ text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replace(/[−–]/g, '-');
const FORWARDED = ['aria-invalid', 'aria-describedby', 'disabled'];
let number = 0;

/** @param {string} tag @param {Record<string, string>} attributes @param {string} [text] */
function make(tag, attributes, text = '') {
  const one = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value);
  one.textContent = text;
  return one;
}

class ZonePicker extends HTMLElement {
  connectedCallback() {
    if (this.input) return;
    this.select = /** @type {HTMLSelectElement} */ (this.querySelector('select'));
    const id = `zones-${(number += 1)}`;
    this.input = /** @type {HTMLInputElement} */ (make('input', {
      id: `${id}-input`, type: 'text', role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': id,
      autocomplete: 'off', spellcheck: 'false', placeholder: gettext('City, country or offset'),
    }));
    this.describe();
    this.list = make('ul', { id, role: 'listbox', class: 'zones', hidden: '' });
    this.count = make('span', { role: 'status', class: 'sr' });
    const label = document.querySelector(`label[for="${CSS.escape(this.select.id)}"]`);
    if (label) {
      label.setAttribute('for', this.input.id);
      for (const part of [this.input, this.list]) part.setAttribute('aria-label', label.textContent ?? '');
    }
    this.cover();
    this.choices = [...this.select.options].map((one, index) => ({
      index, text: one.text, value: one.value, words: plain(`${one.text} ${one.dataset.words ?? ''}`),
    }));
    this.show();
    this.listen();
  }

  /** The field stands over the select, also after a form was morphed, which leaves the select alone and as the server writes it. */
  cover() {
    if (this.input.parentElement !== this) this.append(this.input, this.list, this.count);
    if (this.select.getAttribute('aria-hidden') !== 'true') this.select.setAttribute('aria-hidden', 'true');
    if (this.select.tabIndex !== -1) this.select.tabIndex = -1;
    if (!this.select.classList.contains('sr')) this.select.classList.add('sr'); // a change that is none would be seen as one
  }

  /** What the form says of the select is said of the field. */
  describe() {
    for (const name of FORWARDED) {
      const value = this.select.getAttribute(name);
      if (value === null) this.input.removeAttribute(name);
      else this.input.setAttribute(name, value);
    }
  }

  listen() {
    const { input, list, select } = this;
    new MutationObserver(() => this.describe()).observe(select, { attributeFilter: FORWARDED });
    const covers = new MutationObserver(() => this.cover());
    covers.observe(this, { childList: true });
    covers.observe(select, { attributeFilter: ['aria-hidden', 'class', 'tabindex'] });
    // Whoever leads to the select by its name or id, as the list of issues does, means the field that people see.
    select.addEventListener('focus', () => input.focus());
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
      const option = /** @type {HTMLElement} */ (event.target).closest('[role=option]');
      if (option) this.take(Number(/** @type {HTMLElement} */ (option).dataset.index));
    });
    select.addEventListener('change', () => this.show());
    select.form?.addEventListener('reset', () => setTimeout(() => this.show()));
  }

  /** What is chosen, in the field. */
  show() {
    this.input.value = this.select.selectedOptions[0]?.text ?? '';
  }

  /** The list of what fits; all of it before anything is typed. @param {string} [text] */
  open(text = '') {
    const wanted = plain(text).split(/\s+/).filter(Boolean);
    const fitting = this.choices.filter(({ words }) => wanted.every((word) => words.includes(word)));
    // What begins with the first word comes first: `Lon` is London before Barcelona.
    fitting.sort((a, b) => Number(!plain(a.text).startsWith(wanted[0] ?? '')) - Number(!plain(b.text).startsWith(wanted[0] ?? '')));
    this.list.replaceChildren(...fitting.map((one) => this.option(one)));
    if (!fitting.length) this.list.append(make('li', { class: 'none' }, gettext('No time zone like that')));
    this.list.hidden = false;
    this.input.setAttribute('aria-expanded', 'true');
    this.count.textContent = text ? ngettext('%(number)s time zone', '%(number)s time zones', fitting.length) : '';
    this.mark(text ? fitting[0]?.index : this.select.selectedIndex);
  }

  option({ index, text }) {
    const [city, ...place] = text.split(' · ');
    const chosen = index === this.select.selectedIndex;
    const one = make('li', { id: `${this.list.id}-${index}`, role: 'option', 'aria-selected': String(chosen), 'data-index': String(index) });
    one.append(make('b', {}, city), make('span', { class: 'muted' }, place.join(' · ')));
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
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    if (event.key in moves) {
      event.preventDefault();
      if (this.list.hidden) return this.open();
      const options = /** @type {HTMLElement[]} */ ([...this.list.querySelectorAll('[role=option]')]);
      if (!options.length) return undefined;
      const place = options.findIndex((one) => one.dataset.index === String(this.at)) + moves[event.key];
      return this.mark(Number(options[Math.max(0, Math.min(options.length - 1, place))]?.dataset.index));
    }
    if (this.list.hidden) return undefined;
    // Who types a city and goes on means it: what is marked is taken, as by Enter.
    if (event.key === 'Tab' && this.typed && this.at !== undefined) return this.take(this.at);
    if (!['Enter', 'Escape'].includes(event.key)) return undefined;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === 'Enter' && this.at !== undefined) return this.take(this.at);
    return this.close();
  }

  /** @param {number} index */
  take(index) {
    const changed = index !== this.select.selectedIndex;
    this.select.selectedIndex = index;
    this.close();
    this.input.select();
    if (changed) for (const type of ['input', 'change']) this.select.dispatchEvent(new Event(type, { bubbles: true }));
  }

  close() {
    this.typed = false;
    this.list.hidden = true;
    this.input.setAttribute('aria-expanded', 'false');
    this.input.removeAttribute('aria-activedescendant');
    this.show();
  }
}

customElements.define('zone-picker', ZonePicker);
