// @ts-check
/** `<contact-picker>` in a bar of filters: narrows a list to one contact, who is found by name, email, phone or id. */
import { Combobox } from './combobox.js';
import { gettext, ngettext } from './texts.js';

const PAUSE_MS = 150;

class ContactPicker extends Combobox {
  connectedCallback() {
    if (this.input) return;
    this.field = /** @type {HTMLInputElement} */ (this.querySelector('input[type=hidden]'));
    this.build(gettext('Any'));
    for (const part of [this.input, this.list]) part.setAttribute('aria-label', this.dataset.label ?? '');
    this.name = this.dataset.name ?? '';
    this.contacts = /** @type {{ id: string, name: string, detail: string }[]} */ ([]);
    this.field.after(this.input, this.list, this.count);
    this.show();
    this.input.addEventListener('focus', () => (this.input.placeholder = gettext('Name, email or id')));
    this.input.addEventListener('blur', () => (this.input.placeholder = gettext('Any')));
    // Who empties the field and leaves it means nobody in particular.
    this.input.addEventListener('blur', () => this.input.value.trim() || this.choose('', ''));
    this.listen();
    this.all = /** @type {HTMLButtonElement} */ (this.querySelector('button'));
    this.all.addEventListener('click', () => this.choose('', ''));
  }

  chosenText() {
    return this.name;
  }

  /** @param {string} [text] */
  open(text = '') {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.look(text.trim()), text ? PAUSE_MS : 0);
  }

  /** Ask who fits; an answer that a later question overtook is left. @param {string} text */
  async look(text) {
    this.asking?.abort();
    this.asking = new AbortController();
    try {
      const answer = await fetch(`/contacts/choices?search=${encodeURIComponent(text)}`, { signal: this.asking.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      this.contacts = await answer.json();
    } catch (error) {
      if (/** @type {Error} */ (error).name === 'AbortError') return;
      this.contacts = [];
      this.fill([], { none: gettext('The contacts could not be loaded. Try again.'), count: '' });
      return;
    }
    if (document.activeElement !== this.input) return;
    this.fill(this.contacts.map((one, index) => this.option(index, one.name, one.detail, one.id === this.field.value)), {
      none: gettext('Nobody fits'),
      count: ngettext('%(number)s contact', '%(number)s contacts', this.contacts.length),
      at: text && this.contacts.length ? 0 : undefined,
    });
  }

  close() {
    clearTimeout(this.later);
    this.asking?.abort();
    super.close();
  }

  /** @param {number} index */
  take(index) {
    const one = this.contacts[index];
    if (one) this.choose(one.id, one.name);
  }

  /** Without a word to the list. @param {string} id @param {string} name */
  set(id, name) {
    [this.field.value, this.name, this.all.hidden] = [id, name, !id];
    this.close();
  }

  /** @param {string} id @param {string} name */
  choose(id, name) {
    const changed = id !== this.field.value;
    this.set(id, name);
    if (changed) for (const type of ['input', 'change']) this.field.dispatchEvent(new Event(type, { bubbles: true }));
  }
}

if (!customElements.get('contact-picker')) customElements.define('contact-picker', ContactPicker); // htmx runs it once more when it goes back
