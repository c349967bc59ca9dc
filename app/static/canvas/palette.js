// @ts-check
/** Bringing steps in: the list at the left (drag, click, type to filter). The menu behind every plus is `palette-menu.js`. */
import { fitting } from './ranking.js';
import { later } from './later.js';
import { holdKeys } from '../held-keys.js';
import { make } from './elements.js';

/** @typedef {import('./commands.js').Slot} Slot @typedef {import('./viewport.js').Point} Point */

const SLACK = 5;

/** What an entry of the list is called, and what else it is looked for by. @param {HTMLElement} item */
export const choiceOf = (item) => ({ item, title: (item.querySelector('.pt')?.textContent ?? '').toLowerCase(), keywords: item.dataset.keywords ?? '' });

const menuPart = later(() => import('./palette-menu.js'));

export class Palette {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.root = /** @type {HTMLElement} */ (canvas.stage.querySelector('.pal'));
    /** @type {import('./palette-menu.js').PaletteMenu | undefined} */
    this.menu = undefined;
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
    if (this.canvas.editable) this.withMenu((menu) => menu.open(slot, at));
  }

  /** Ask what should stand in the place of a step. @param {string} id */
  openReplacement(id) {
    this.withMenu((menu) => menu.openReplacement(id));
  }

  /** Ask which kind of trigger to add. */
  openTriggers() {
    this.withMenu((menu) => menu.openTriggers());
  }

  /** Find a step by its name. */
  find() {
    this.withMenu((menu) => menu.find());
  }

  /** What is typed while the menu is on its way is for its filter. @param {(menu: import('./palette-menu.js').PaletteMenu) => void} work */
  withMenu(work) {
    const release = holdKeys();
    return this.canvas.using(menuPart, ({ PaletteMenu }) => work((this.menu ??= new PaletteMenu(this)))).finally(release);
  }
}
