// @ts-check
/**
 * `<zone-picker>` around a select of time zones: a combobox that finds a zone by its city, country, name or offset. The select stays in the
 * form and keeps the value; without scripts it is what people see.
 */
import { Combobox } from './combobox.js';
import { gettext, ngettext } from './texts.js';

const plain = (/** @type {string} */ text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replace(/[−–]/g, '-');
const FORWARDED = ['aria-invalid', 'aria-describedby', 'disabled'];

class ZonePicker extends Combobox {
  connectedCallback() {
    if (this.input) return;
    this.select = /** @type {HTMLSelectElement} */ (this.querySelector('select'));
    this.build(gettext('City, country or offset'));
    this.describe();
    const label = document.querySelector(`label[for="${CSS.escape(this.select.id)}"]`);
    if (label) {
      label.setAttribute('for', this.input.id);
      for (const part of [this.input, this.list]) part.setAttribute('aria-label', label.textContent ?? '');
    }
    this.cover();
    this.zones = [...this.select.options].map((one, index) => ({
      index, text: one.text, words: plain(`${one.text} ${one.dataset.words ?? ''}`),
    }));
    this.show();
    this.listen();
    this.follow();
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

  /** The field goes with the select, whoever changes it. */
  follow() {
    const { input, select } = this;
    new MutationObserver(() => this.describe()).observe(select, { attributeFilter: FORWARDED });
    const covers = new MutationObserver(() => this.cover());
    covers.observe(this, { childList: true });
    covers.observe(select, { attributeFilter: ['aria-hidden', 'class', 'tabindex'] });
    // Whoever leads to the select by its name or id, as the list of errors and warnings does, means the field that people see.
    select.addEventListener('focus', () => input.focus());
    select.addEventListener('change', () => this.show());
    select.form?.addEventListener('reset', () => setTimeout(() => this.show()));
  }

  chosenText() {
    return this.select.selectedOptions[0]?.text ?? '';
  }

  /** The list of what fits; all of it before anything is typed. @param {string} [text] */
  open(text = '') {
    const wanted = plain(text).split(/\s+/).filter(Boolean);
    const fitting = this.zones.filter(({ words }) => wanted.every((word) => words.includes(word)));
    // What begins with the first word comes first: `Lon` is London before Barcelona.
    fitting.sort((a, b) => Number(!plain(a.text).startsWith(wanted[0] ?? '')) - Number(!plain(b.text).startsWith(wanted[0] ?? '')));
    const options = fitting.map((one) => {
      const [city, ...place] = one.text.split(' · ');
      return this.option(one.index, city, place.join(' · '), one.index === this.select.selectedIndex);
    });
    this.fill(options, {
      none: gettext('No time zone like that'),
      count: text ? ngettext('%(number)s time zone', '%(number)s time zones', fitting.length) : '',
      at: text ? fitting[0]?.index : this.select.selectedIndex,
    });
  }

  /** @param {number} index */
  take(index) {
    const changed = index !== this.select.selectedIndex;
    this.select.selectedIndex = index;
    this.close();
    this.input.select();
    if (changed) for (const type of ['input', 'change']) this.select.dispatchEvent(new Event(type, { bubbles: true }));
  }
}

customElements.define('zone-picker', ZonePicker);
