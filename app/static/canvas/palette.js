// @ts-check
/** Bringing steps in: the list at the left (drag, click, type to filter) and the menu behind every plus. */
import { fitting } from './ranking.js';
import { make } from './elements.js';
import { toScreen } from './viewport.js';

/** @typedef {import('./commands.js').Slot} Slot @typedef {import('./viewport.js').Point} Point */

const SLACK = 5;

/** What an entry of the list is called, and what else it is looked for by. @param {HTMLElement} item */
const choiceOf = (item) => ({ item, title: (item.querySelector('.pt')?.textContent ?? '').toLowerCase(), keywords: item.dataset.keywords ?? '' });

/** A step that ends the path cannot go between two others, and a trigger can only begin one. */
const isOff = (slot, presentation) => (!!slot.edge && !presentation?.ports.length) || (!!(slot.edge || slot.source) && !!presentation?.trigger);

export class Palette {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.root = /** @type {HTMLElement} */ (canvas.stage.querySelector('.pal'));
    this.menu = /** @type {HTMLDialogElement} */ (document.getElementById('add-menu'));
    this.search = /** @type {HTMLInputElement} */ (this.root?.querySelector('input[type=search]'));
    if (!this.root) return;
    this.root.addEventListener('pointerdown', (event) => this.press(event));
    this.root.addEventListener('click', (event) => {
      const item = /** @type {any} */ (event.target).closest('.pi');
      if (item && !this.dragged) this.addByChoice(item.dataset.type);
      this.dragged = false;
    });
    this.search.addEventListener('input', () => this.filter());
    this.root.addEventListener('keydown', (event) => this.keys(event));
    const input = this.menu.querySelector('input');
    input?.addEventListener('input', () => this.show());
    this.menu.addEventListener('keydown', (event) => this.menuKeys(event));
    this.menu.addEventListener('click', (event) => {
      const option = /** @type {any} */ (event.target).closest('[role=option]');
      if (option) this.choose(option.dataset.value);
      else if (event.target === this.menu) this.menu.close();
    });
  }

  // ---------------------------------------------------------------- the list

  focus() {
    this.search.focus();
    this.search.select();
  }

  filter() {
    const wanted = this.search.value.trim().toLowerCase();
    for (const item of this.items()) item.hidden = !item.dataset.keywords.includes(wanted);
    for (const group of /** @type {any} */ (this.root.querySelectorAll('.pgroup'))) group.hidden = !group.querySelector('.pi:not([hidden])');
    const none = /** @type {HTMLElement} */ (this.root.querySelector('.none'));
    none.hidden = this.items().some((item) => !item.hidden);
  }

  items() {
    return /** @type {any[]} */ ([...this.root.querySelectorAll('.pi')]);
  }

  keys(event) {
    const shown = this.items().filter((item) => !item.hidden);
    const at = shown.indexOf(document.activeElement);
    if (event.key === 'Enter' && event.target === this.search && shown[0]) {
      event.preventDefault();
      const [best] = fitting(shown.map(choiceOf), this.search.value.trim().toLowerCase());
      this.addByChoice(best.item.dataset.type);
      this.search.value = '';
      this.filter();
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const next = at + (event.key === 'ArrowDown' ? 1 : -1);
      (next < 0 ? this.search : shown[Math.min(next, shown.length - 1)])?.focus();
    } else if (event.key === 'Escape') {
      this.search.value = '';
      this.filter();
      this.canvas.focusOn(this.canvas.current);
    }
  }

  /** Where a step goes that was chosen without a place: behind the selected step, else behind the last open way out. */
  addByChoice(type) {
    const { canvas } = this;
    const { graph } = canvas;
    if (graph.types[type]?.trigger) return canvas.actions.add(type, {});
    const passes = graph.types[type]?.ports.length > 0;
    const behind = (id) => {
      const open = graph.openPorts(id)[0];
      if (open) return { source: id, port: open.id };
      const edge = graph.outgoing(id)[0];
      return edge && passes ? { edge: edge.id } : null;
    };
    const [chosen] = [...canvas.selection].filter((id) => graph.node(id));
    const leaf = graph.order().reverse().find((id) => graph.openPorts(id).length && (graph.incoming(id).length || graph.isTrigger(id)));
    const { size } = canvas.scene;
    const centre = canvas.gestures.flow({ x: size.w / 2 - 120, y: size.h / 2 });
    return canvas.actions.add(type, (chosen && behind(chosen)) || (leaf && behind(leaf)) || { at: centre });
  }

  // ---------------------------------------------------------------- dragging from the list

  press(event) {
    const item = event.target.closest('.pi');
    if (!item || event.button !== 0 || !this.canvas.editable) return;
    const start = { x: event.clientX, y: event.clientY };
    const type = item.dataset.type;
    const { links } = this.canvas.gestures;
    /** @type {HTMLElement | null} */
    let ghost = null;
    /** @type {Slot | null} */
    let slot = null;
    item.setPointerCapture(event.pointerId);
    const stop = new AbortController();
    // A quick flick leaves the small item with its first move: hold the pointer from the press on.
    item.setPointerCapture(event.pointerId);
    const on = (name, work, target = item) => target.addEventListener(name, work, { signal: stop.signal, capture: target === window });
    const end = () => {
      stop.abort();
      ghost?.remove();
      links.showSlots('');
      links.lightSlot(null);
      document.body.classList.remove('dragging');
    };
    on('pointermove', (now) => {
      if (!ghost && Math.hypot(now.clientX - start.x, now.clientY - start.y) < SLACK) return;
      if (!ghost) {
        ghost = this.ghost(type);
        links.showSlots(type);
        document.body.classList.add('dragging');
        this.dragged = true;
      }
      ghost.style.transform = `translate(${now.clientX}px,${now.clientY}px) translate(-50%,-24px) scale(${Math.max(0.5, this.canvas.view.k)})`;
      const at = this.canvas.gestures.at(now);
      const { w, h } = this.canvas.scene.size;
      const inside = at.x > 0 && at.y > 0 && at.x < w && at.y < h;
      const point = this.canvas.gestures.flow(at);
      slot = inside ? links.slotAt(point, type) : null;
      links.lightSlot(slot, { x: point.x, y: point.y - 24 });
    });
    on('pointerup', () => {
      const place = slot;
      const was = ghost;
      end();
      if (was && place) this.canvas.actions.add(type, place);
      if (was) setTimeout(() => (this.dragged = false));
    });
    on('pointercancel', end);
    on('keydown', (now) => {
      if (now.key !== 'Escape') return;
      now.stopPropagation();
      end();
    }, /** @type {any} */ (window));
  }

  ghost(type) {
    const ghost = make('div', `drag-ghost node k-${this.canvas.graph.types[type]?.category}`);
    const card = make('div', 'card');
    const template = /** @type {any} */ (document.getElementById(`card-${type}`));
    if (template) card.append(template.content.firstElementChild.cloneNode(true));
    card.firstElementChild?.removeAttribute('id');
    ghost.append(card);
    document.body.append(ghost);
    return ghost;
  }

  // ---------------------------------------------------------------- the menu behind a plus

  /** Ask which step to add at a place. @param {Slot} slot @param {Point} [at] where the menu opens, in the canvas */
  open(slot, at) {
    const { canvas } = this;
    if (!canvas.editable) return;
    const way = canvas.scene.routes.get(slot.edge ?? '');
    const place = way ? way.middle : slot.source ? canvas.scene.portAt(slot.source, slot.port ?? 'next') : undefined;
    const spot = at ?? (place ? toScreen(canvas.view, place) : { x: 80, y: 80 });
    const options = this.items().map((item) => {
      const { type } = item.dataset;
      return { ...choiceOf(item), value: type, html: item, off: isOff(slot, canvas.graph.types[type]) };
    });
    this.ask('Add a step', options, (type) => (slot.source || slot.edge || slot.at ? canvas.actions.add(type, slot) : this.addByChoice(type)), spot);
  }

  /** Ask what should stand in the place of a step. @param {string} id */
  openReplacement(id) {
    const { canvas } = this;
    const type = canvas.graph.nodes.get(id)?.type;
    const steps = this.items().filter((item) => item.dataset.type !== type && !canvas.graph.types[item.dataset.type]?.trigger);
    const options = steps.map((item) => ({ ...choiceOf(item), value: item.dataset.type, html: item, off: false }));
    const box = /** @type {any} */ (canvas.scene.boxes.get(id));
    this.ask('Replace with', options, (chosen) => canvas.actions.replaceBy(id, chosen), toScreen(canvas.view, { x: box.x + box.w / 2, y: box.y + box.h }));
  }

  /** Ask which kind of trigger to add. */
  openTriggers() {
    const { canvas } = this;
    const known = this.items().filter((item) => canvas.graph.types[item.dataset.type]?.trigger);
    const options = known.map((item) => ({ ...choiceOf(item), value: item.dataset.type, html: item, off: false }));
    this.ask('Add a trigger', options, (type) => canvas.actions.add(type, {}), { x: canvas.scene.size.w / 2, y: 80 });
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
    this.ask('Find a step', options, (id) => canvas.select([id], { focus: true, open: false }), { x: canvas.scene.size.w / 2 - 130, y: 40 });
  }

  /** A list with a filter; the answer goes to `then`. */
  ask(title, options, then, spot) {
    this.options = options.filter((option) => !option.off);
    this.then = then;
    this.opener = document.activeElement;
    const input = /** @type {HTMLInputElement} */ (this.menu.querySelector('input'));
    input.value = '';
    input.placeholder = title;
    input.setAttribute('aria-label', title);
    this.menu.setAttribute('aria-label', title);
    this.menu.returnValue = '';
    this.show();
    this.menu.showModal();
    const { w, h } = this.canvas.scene.size;
    const rect = this.canvas.getBoundingClientRect();
    const [width, height] = [this.menu.offsetWidth, this.menu.offsetHeight];
    const left = Math.max(8, Math.min(spot.x - width / 2, w - width - 8));
    const top = spot.y + 24 + height > h ? Math.max(8, Math.min(spot.y - height - 16, h - height - 8)) : spot.y + 24;
    this.menu.style.translate = `${rect.left + left}px ${rect.top + top}px`;
    input.focus();
    this.menu.onclose = () => {
      const opener = /** @type {any} */ (this.opener);
      if (opener?.isConnected && document.activeElement === document.body) opener.focus({ preventScroll: true });
    };
  }

  show() {
    const input = /** @type {HTMLInputElement} */ (this.menu.querySelector('input'));
    const list = /** @type {HTMLElement} */ (this.menu.querySelector('[role=listbox]'));
    const wanted = input.value.trim().toLowerCase();
    const matches = fitting(this.options ?? [], wanted);
    list.replaceChildren(...matches.map((option, index) => {
      const line = make('div', 'choice', { role: 'option', id: `add-${index}`, 'data-value': option.value, 'aria-selected': 'false' });
      for (const part of option.html.children) line.append(part.cloneNode(true));
      return line;
    }));
    /** @type {any} */ (this.menu.querySelector('.none')).hidden = matches.length > 0;
    this.mark(0);
  }

  mark(index) {
    const options = /** @type {any[]} */ ([...this.menu.querySelectorAll('[role=option]')]);
    this.index = Math.max(0, Math.min(index, options.length - 1));
    options.forEach((option, at) => option.setAttribute('aria-selected', String(at === this.index)));
    const chosen = options[this.index];
    this.menu.querySelector('input')?.setAttribute('aria-activedescendant', chosen?.id ?? '');
    chosen?.scrollIntoView({ block: 'nearest' });
  }

  menuKeys(event) {
    if (event.key === 'ArrowDown') this.mark((this.index ?? 0) + 1);
    else if (event.key === 'ArrowUp') this.mark((this.index ?? 0) - 1);
    else if (event.key === 'Enter') this.choose(/** @type {any} */ (this.menu.querySelector('[aria-selected=true]'))?.dataset.value);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  choose(value) {
    if (!value) return;
    this.menu.close();
    this.then?.(value);
  }
}
