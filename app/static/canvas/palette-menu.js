// @ts-check
/** The menu with a filter: behind every plus, for another type in the place of a step, for triggers, and to find a step. */
import { fitting } from './ranking.js';
import { make } from './elements.js';
import { choiceOf } from './palette.js';
import { toScreen } from './viewport.js';
import { gettext } from '../texts.js';

/** @typedef {import('./commands.js').Slot} Slot @typedef {import('./viewport.js').Point} Point */

/** A step that ends the path cannot go between two others, and a trigger can only begin one. */
const isOff = (slot, presentation) => (!!slot.edge && !presentation?.ports.length) || (!!(slot.edge || slot.source) && !!presentation?.trigger);

export class PaletteMenu {
  /** @param {import('./palette.js').Palette} palette */
  constructor(palette) {
    this.palette = palette;
    this.canvas = palette.canvas;
    this.root = /** @type {HTMLDialogElement} */ (document.getElementById('add-menu'));
    this.root.querySelector('input')?.addEventListener('input', () => this.show());
    this.root.addEventListener('keydown', (event) => this.keys(event));
    this.root.addEventListener('click', (event) => {
      const option = /** @type {any} */ (event.target).closest('[role=option]');
      if (option) this.choose(option.dataset.value);
      else if (event.target === this.root) this.root.close();
    });
  }

  /** Ask which step to add at a place. @param {Slot} slot @param {Point} [at] where the menu opens, in the canvas */
  open(slot, at) {
    const { canvas } = this;
    const way = canvas.scene.routes.get(slot.edge ?? '');
    const place = way ? way.middle : slot.source ? canvas.scene.portAt(slot.source, slot.port ?? 'next') : undefined;
    const spot = at ?? (place ? toScreen(canvas.view, place) : { x: 80, y: 80 });
    const options = this.palette.items().map((item) => {
      const { type } = item.dataset;
      return { ...choiceOf(item), value: type, html: item, off: isOff(slot, canvas.graph.types[type]) };
    });
    this.ask(gettext('Add a step'), options, (type) =>
      (slot.source || slot.edge || slot.at ? canvas.actions.add(type, slot) : this.palette.addByChoice(type)), spot);
  }

  /** Ask what should stand in the place of a step. @param {string} id */
  openReplacement(id) {
    const { canvas } = this;
    const type = canvas.graph.nodes.get(id)?.type;
    const steps = this.palette.items().filter((item) => item.dataset.type !== type && !canvas.graph.types[item.dataset.type]?.trigger);
    const options = steps.map((item) => ({ ...choiceOf(item), value: item.dataset.type, html: item, off: false }));
    const box = /** @type {any} */ (canvas.scene.boxes.get(id));
    this.ask(gettext('Replace with'), options, (chosen) => canvas.actions.replaceBy(id, chosen), toScreen(canvas.view, { x: box.x + box.w / 2,
      y: box.y + box.h }));
  }

  /** Ask which kind of trigger to add. */
  openTriggers() {
    const { canvas } = this;
    const known = this.palette.items().filter((item) => canvas.graph.types[item.dataset.type]?.trigger);
    const options = known.map((item) => ({ ...choiceOf(item), value: item.dataset.type, html: item, off: false }));
    this.ask(gettext('Add a trigger'), options, (type) => canvas.actions.add(type, {}), { x: canvas.scene.size.w / 2, y: 80 });
  }

  /** Find a step by its name. */
  find() {
    const { canvas } = this;
    const options = canvas.graph.order().map((id) => {
      const card = /** @type {Element} */ (canvas.scene.cards.get(id)?.card);
      const content = card.querySelector('.card-content');
      const text = (/** @type {Element | null | undefined} */ part) => (part?.textContent ?? '').trim().toLowerCase();
      return { value: id, title: text(content?.querySelector('.ti')), keywords: text(content), html: content };
    });
    this.ask(gettext('Find a step'), options, (id) => canvas.select([id], { focus: true, open: false }), { x: canvas.scene.size.w / 2 - 130, y: 40 });
  }

  /** A list with a filter; the answer goes to `then`. */
  ask(title, options, then, spot) {
    this.options = options.filter((option) => !option.off);
    this.then = then;
    this.opener = document.activeElement;
    const input = /** @type {HTMLInputElement} */ (this.root.querySelector('input'));
    input.value = '';
    input.placeholder = title;
    input.setAttribute('aria-label', title);
    this.root.setAttribute('aria-label', title);
    this.root.returnValue = '';
    this.show();
    this.root.showModal();
    const { w, h } = this.canvas.scene.size;
    const rect = this.canvas.getBoundingClientRect();
    const [width, height] = [this.root.offsetWidth, this.root.offsetHeight];
    const left = Math.max(8, Math.min(spot.x - width / 2, w - width - 8));
    const top = spot.y + 24 + height > h ? Math.max(8, Math.min(spot.y - height - 16, h - height - 8)) : spot.y + 24;
    this.root.style.translate = `${rect.left + left}px ${rect.top + top}px`;
    input.focus();
    this.root.onclose = () => {
      const opener = /** @type {any} */ (this.opener);
      if (opener?.isConnected && document.activeElement === document.body) opener.focus({ preventScroll: true });
    };
  }

  show() {
    const input = /** @type {HTMLInputElement} */ (this.root.querySelector('input'));
    const list = /** @type {HTMLElement} */ (this.root.querySelector('[role=listbox]'));
    const wanted = input.value.trim().toLowerCase();
    const matches = fitting(this.options ?? [], wanted);
    list.replaceChildren(...matches.map((option, index) => {
      const line = make('div', 'choice', { role: 'option', id: `add-${index}`, 'data-value': option.value, 'aria-selected': 'false' });
      for (const part of option.html.children) line.append(part.cloneNode(true));
      return line;
    }));
    /** @type {any} */ (this.root.querySelector('.none')).hidden = matches.length > 0;
    this.mark(0);
  }

  mark(index) {
    const options = /** @type {any[]} */ ([...this.root.querySelectorAll('[role=option]')]);
    this.index = Math.max(0, Math.min(index, options.length - 1));
    options.forEach((option, at) => option.setAttribute('aria-selected', String(at === this.index)));
    const chosen = options[this.index];
    this.root.querySelector('input')?.setAttribute('aria-activedescendant', chosen?.id ?? '');
    chosen?.scrollIntoView({ block: 'nearest' });
  }

  keys(event) {
    if (event.key === 'ArrowDown') this.mark((this.index ?? 0) + 1);
    else if (event.key === 'ArrowUp') this.mark((this.index ?? 0) - 1);
    else if (event.key === 'Enter') this.choose(/** @type {any} */ (this.root.querySelector('[aria-selected=true]'))?.dataset.value);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  choose(value) {
    if (!value) return;
    this.root.close();
    this.then?.(value);
  }
}
