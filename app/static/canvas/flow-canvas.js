// @ts-check
/**
 * <flow-canvas>: boots from the server's cards and one JSON tag and wires the modules. Every change of the draft goes through
 * `perform`, whoever asks: pointer, keyboard, form, undo. The element itself is never swapped.
 */
import { Actions } from './actions.js';
import { Address } from './address.js';
import { Gestures } from './gestures.js';
import { Graph, Refused } from './graph.js';
import { History } from './history.js';
import { Keyboard } from './keyboard.js';
import { loadAhead, loadLateStyles } from './later.js';
import { limits } from './limits.js';
import { followDraft } from './live-draft.js';
import { MenuRequests } from './menu-requests.js';
import { Overlay } from './overlay.js';
import { Palette } from './palette.js';
import { Panel } from './panel.js';
import { make } from './elements.js';
import { Scene } from './scene.js';
import { StoredHistory } from './stored-history.js';
import { StoredView } from './stored-view.js';
import { Sync } from './sync.js';
import * as view from './viewport.js';
import { gettext, language } from '../texts.js';

/** @typedef {import('./graph.js').Op} Op @typedef {import('./viewport.js').View} View */

const ANIMATION_MS = 200;
/** Room at the bottom when the minimap would lie over a card. */
const MINI = 124;
const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

export class FlowCanvas extends HTMLElement {
  connectedCallback() {
    if (this.graph) return;
    this.stage = /** @type {HTMLElement} */ (this.closest('.builder'));
    const data = JSON.parse(/** @type {any} */ (document.getElementById('wf-data')).textContent);
    this.workflow = data.workflow;
    this.sprite = data.sprite;
    this.mayEdit = data.mayEdit;
    this.mode = 'edit';
    limits.steps = data.mostSteps;
    this.graph = new Graph({ ...data.graph, name: data.name, description: data.description, priority: data.priority }, data.types);
    this.history = new History();
    const storedHistory = new StoredHistory(sessionStorage, document.body.dataset.user ?? '', data.workflow);
    if (this.mayEdit) storedHistory.read(this.history, data.rev);
    addEventListener('pagehide', () => this.mayEdit && storedHistory.write(this.history, this.sync.outbox.rev, this.sync.outbox.pending.length));
    /** @type {Set<string>} */
    this.selection = new Set();
    /** The card that Tab comes to. */
    this.current = '';
    /** @type {View} */
    this.view = { x: 0, y: 0, k: 1 };
    this.readPorts();
    const narrow = matchMedia('(max-width: 640px)');
    const shape = () => {
      this.stage.toggleAttribute('data-outline', (this.outline = narrow.matches));
      this.scene?.render();
    };
    narrow.addEventListener('change', shape);
    shape();
    this.scene = new Scene(this);
    this.actions = new Actions(this);
    this.sync = new Sync(this, data.rev);
    this.gestures = new Gestures(this);
    this.palette = new Palette(this);
    this.panel = new Panel(this);
    this.overlay = new Overlay(this, data.diagnostics);
    this.keyboard = new Keyboard(this);
    this.menu = new MenuRequests(this);
    this.address = new Address(this);
    this.scene.render();
    new StoredView(this).read();
    this.scene.flush();
    this.sync.start();
    this.changed();
    this.setAttribute('data-ready', '');
    loadLateStyles();
    loadAhead();
    if (document.activeElement === document.body) this.begin();
    this.sync.ready().then(() => {
      this.address.follow();
      followDraft(this);
    });
    document.addEventListener('theme:change', () => this.repaint());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.repaint());
    document.fonts?.ready.then(() => this.scene.schedule());
  }

  /** The first key and the first Tab belong to the canvas, or to what it begins with. */
  begin() {
    const starter = /** @type {HTMLElement | null} */ (this.stage.querySelector('.starter'));
    if (this.graph.blank && starter && this.mayEdit) starter.focus({ preventScroll: true });
    else this.focus({ preventScroll: true });
  }

  /** Where it begins on the screen. */
  get left() {
    return this.getBoundingClientRect().left;
  }

  get editable() {
    return this.mayEdit && this.mode === 'edit';
  }

  // ---------------------------------------------------------------- changing the draft

  /**
   * Apply ops, remember how to undo them, send them. A refusal is said aloud and changes nothing.
   * @param {Op[]} ops @param {string} label what was done, in words: “Deleted SMS”
   * @param {{key?: string, select?: Iterable<string>, quiet?: boolean}} [options]
   */
  perform(ops, label, { key, select, quiet = false } = {}) {
    if (!this.mayEdit || !ops.length) return false;
    try {
      const inverse = this.graph.applyAll(ops);
      this.history.push({ label, ops, inverse, key });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.announce(error.message, 'err');
      return false;
    }
    this.sync.enqueue(ops);
    this.redraw(ops);
    if (select) this.select(select);
    if (!quiet) this.announce(label);
    this.emit('wf:op', { ops, label });
    return true;
  }

  undo() {
    this.panel.commit();
    this.travel(this.history.undo(), 'inverse');
  }

  redo() {
    this.travel(this.history.redo(), 'ops');
  }

  travel(entry, direction) {
    if (!entry) return this.announce(direction === 'inverse' ? gettext('Nothing to undo.') : gettext('Nothing to do again.'));
    try {
      this.graph.applyAll(entry[direction]);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.history.forget(new Set(entry.ops));
      this.changed();
      return this.announce(gettext('That cannot be taken back any more: %(message)s', { message: error.message }), 'err');
    }
    this.sync.enqueue(entry[direction]);
    this.redraw(entry[direction]);
    this.announce(direction === 'inverse' ? gettext('Undid: %(change)s', { change: entry.label }) : gettext('Redid: %(change)s', { change: entry.label }));
    this.emit('wf:op', { ops: entry[direction], label: entry.label, travelled: true });
  }

  /** Draw after ops were applied; titles and looks are shown at once, the server's card follows. @param {Op[]} ops */
  redraw(ops) {
    const had = this.stage.contains(document.activeElement) && document.activeElement !== document.body;
    for (const op of ops) {
      if (op.kind === 'update_node' && op.name !== undefined) this.showTitle(op.nodeId);
    }
    for (const id of this.selection) if (!this.exists(id)) this.selection.delete(id);
    if (!this.scene.showMoves(ops)) {
      this.scene.render();
      this.select(this.selection);
    }
    this.changed();
    if (had) this.holdFocus();
  }

  /** What had the focus is gone: the canvas takes it, so that the next key still means something here. */
  holdFocus() {
    if (document.activeElement === document.body || !document.activeElement) this.focus({ preventScroll: true });
  }

  /** Replace the whole document (others changed it) and draw it. @param {any} document */
  load(document) {
    const { name, description, priority } = document;
    this.graph = new Graph({ ...document.graph, name, description, priority }, this.graph?.types);
    this.readPorts();
    this.redraw([]);
  }

  /** Buttons and the empty state follow the document. */
  changed() {
    const { history, stage, graph } = this;
    const set = (selector, label, word) => {
      const button = /** @type {any} */ (stage.querySelector(selector) ?? document.querySelector(selector));
      if (!button) return;
      const off = !label || !this.editable;
      if (off && document.activeElement === button) this.focus({ preventScroll: true }); // a button that is off loses the focus
      button.disabled = off;
      button.title = label ? `${word}: ${label}` : word;
    };
    set('[data-do=undo]', history.undoLabel, gettext('Undo'));
    set('[data-do=redo]', history.redoLabel, gettext('Redo'));
    stage.toggleAttribute('data-empty', graph.blank);
    for (const heading of document.querySelectorAll('[data-workflow-name]')) {
      if (document.activeElement !== heading) heading.textContent = graph.name;
    }
  }

  exists(id) {
    return !!this.graph.node(id) || this.graph.notes.has(id) || this.graph.edges.has(id);
  }

  /** Ports that a type makes from its config, and where it leads without an edge, come with the card. */
  readPorts() {
    for (const content of /** @type {NodeListOf<HTMLElement>} */ (this.querySelectorAll('.card-content[id]'))) {
      const own = content.dataset.ports;
      if (own) this.graph.ownPorts.set(content.id.slice(2), JSON.parse(own));
      else this.graph.ownPorts.delete(content.id.slice(2));
      this.graph.jumps.set(content.id.slice(2), JSON.parse(content.dataset.jumps ?? '[]'));
    }
  }

  // ---------------------------------------------------------------- names

  /** What people call a step: its own name, else what the card says. */
  titleOf(id) {
    const shown = document.getElementById(`c-${id}`)?.querySelector('.ti')?.textContent?.trim();
    return this.graph.node(id)?.name || shown || this.graph.presentation(id).label;
  }

  showTitle(id) {
    const content = document.getElementById(`c-${id}`);
    const title = content?.querySelector('.ti');
    if (title) title.textContent = this.graph.node(id)?.name || content?.dataset.title || this.graph.presentation(id).label;
  }

  /** Where each step stands, for screen readers, and the one card in the tab order. @param {string[]} order */
  describeOrder(order) {
    if (!this.graph.node(this.current)) this.current = this.graph.first;
    const listed = new Intl.ListFormat(language());
    order.forEach((id, index) => {
      const entry = this.scene.cards.get(id);
      if (!entry) return;
      const { card } = entry;
      const names = (edges, end) => listed.format(edges.map((edge) => this.titleOf(edge[end])));
      const from = names(this.graph.incoming(id), 'source');
      const to = names(this.graph.outgoing(id), 'target');
      const parts = [gettext('Step %(number)s of %(number_2)s', { number: index + 1, number_2: order.length }), from && gettext('From %(step)s',
        { step: from }), to && gettext('To %(step)s', { step: to })];
      const place = card.querySelector('.place') ?? card.appendChild(make('span', 'sr place'));
      const words = `. ${parts.filter(Boolean).join('. ')}.`;
      if (place.textContent !== words) place.textContent = words;
      this.offer(entry, id === this.current);
    });
  }

  /** Say it to screen readers; refusals are also shown. */
  announce(text, kind = '') {
    const live = /** @type {HTMLElement} */ (document.getElementById('canvas-live'));
    live.textContent = live.textContent === text ? `${text}\u00a0` : text;
    if (kind) document.dispatchEvent(new CustomEvent('toast', { detail: { text, kind } }));
  }

  /** Do something with a part of the builder that is loaded when it is first used (`later`).
   * @template T @param {() => Promise<T>} part @param {(module: T) => any} work */
  using(part, work) {
    return part().then(work, () => this.announce(gettext('You are offline. This opens when the connection is back.'), 'err'));
  }

  emit(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }

  icon(name) {
    const svg = make('svg', 'i', { 'aria-hidden': 'true' });
    svg.append(make('use', '', { href: `${this.sprite}#i-${name}` }));
    return svg;
  }

  // ---------------------------------------------------------------- selection and mode

  /** @param {Iterable<string>} ids @param {{focus?: boolean, open?: boolean, into?: boolean}} [options] `into`: on to the form's first field */
  select(ids, { focus = false, open = false, into = false } = {}) {
    this.selection = new Set([...ids].filter((id) => this.exists(id)));
    for (const [id, { li }] of this.scene.cards) li.classList.toggle('sel', this.selection.has(id));
    for (const [id, element] of this.scene.notes) element.classList.toggle('sel', this.selection.has(id));
    for (const [id, { g }] of this.scene.edges) g.classList.toggle('sel', this.selection.has(id));
    const [only] = this.selection;
    if (only && this.graph.node(only)) this.makeCurrent(only);
    if (focus && only) this.focusOn(only);
    this.emit('wf:select', { ids: [...this.selection], open, into });
  }

  /** What a verb acts on: the selection, or the card or note with the focus when that is not part of it. @returns {string[]} */
  targets() {
    const at = /** @type {any} */ (document.activeElement)?.closest('flow-canvas :is(.node, .note)');
    const id = at?.dataset.id;
    const alone = id && !this.selection.has(id) && (!this.selection.size || document.activeElement?.matches(':focus-visible'));
    return alone ? [id] : [...this.selection];
  }

  makeCurrent(id) {
    const [before, now] = [this.scene.cards.get(this.current), this.scene.cards.get(id)];
    if (before && before !== now) this.offer(before, false);
    this.current = id;
    if (!now) return;
    this.offer(now, true);
    this.scene.culling.show(id); // also where it is out of sight: Tab comes to no card that is not shown
  }

  /** @param {{li: HTMLElement, card: HTMLElement}} entry @param {boolean} on does Tab come to it? */
  offer({ li, card }, on) {
    card.tabIndex = on ? 0 : -1;
    li.classList.toggle('current', on);
  }

  /** Focus a card and bring it into sight. */
  focusOn(id) {
    const entry = this.scene.cards.get(id);
    if (!entry) return;
    this.makeCurrent(id);
    entry.card.focus({ preventScroll: true });
    this.show(id);
  }

  show(id) {
    if (this.outline) return this.scene.cards.get(id)?.li.scrollIntoView({ block: 'center' });
    const box = this.scene.boxes.get(id);
    if (!box) return undefined;
    return this.reveal(box);
  }

  /** Bring a box into the part of the canvas that nothing lies over. @param {import('./viewport.js').Box} box */
  reveal(box) {
    const { w, h } = this.scene.size;
    const covered = getComputedStyle(this.panel.root).position === 'absolute' ? this.panel.root.offsetWidth : 0;
    const to = view.reveal(this.view, box, { w: w - covered, h });
    this.setView(view.clear(to, box, this.scene.controls.covers(), h), true);
  }

  /** @param {string} mode edit, results or person */
  setMode(mode) {
    const before = this.left;
    this.mode = mode;
    this.stage.dataset.mode = mode;
    // The palette comes and goes; what is on the canvas stays where it was on the screen.
    this.setView({ ...this.view, x: this.view.x + before - this.left });
    for (const button of document.querySelectorAll('[data-mode-button]')) {
      button.setAttribute('aria-pressed', String(/** @type {any} */ (button).dataset.modeButton === mode));
    }
    for (const entry of this.scene.cards.values()) entry.shape = '';
    this.scene.render();
    this.changed();
    this.emit('wf:mode', { mode });
  }

  // ---------------------------------------------------------------- view

  /** @param {View} to @param {boolean} [animate] */
  setView(to, animate = false) {
    cancelAnimationFrame(this.flight ?? 0);
    if (animate && !calm()) return this.fly(to);
    this.view = to;
    this.scene.dirty.view = true;
    this.scene.schedule();
    this.emit('wf:view', to);
  }

  fly(to) {
    const from = { ...this.view };
    const began = performance.now();
    const step = (now) => {
      const share = Math.min(1, (now - began) / ANIMATION_MS);
      const by = 1 - (1 - share) ** 3;
      const at = { x: from.x + (to.x - from.x) * by, y: from.y + (to.y - from.y) * by, k: from.k + (to.k - from.k) * by };
      this.setView(share < 1 ? at : to);
      if (share < 1) this.flight = requestAnimationFrame(step);
    };
    this.flight = requestAnimationFrame(step);
  }

  fit(animate = true) {
    const box = this.scene.bounds();
    const whole = view.fit(box, this.scene.size);
    const clear = view.clear(whole, box, this.scene.controls.covers().filter((one) => one.mini), this.scene.size.h);
    this.setView(clear.y === whole.y ? whole : view.fit(box, this.scene.size, { bottom: MINI }), animate);
  }

  zoom(factor) {
    this.setView(view.zoomAt(this.view, factor, { x: this.scene.size.w / 2, y: this.scene.size.h / 2 }), true);
  }

  repaint() {
    this.scene.controls.colours = null;
    this.scene.dirty.view = true;
    this.scene.schedule();
  }
}

customElements.define('flow-canvas', FlowCanvas);
