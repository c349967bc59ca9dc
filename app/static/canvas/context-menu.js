// @ts-check
/** The menu of everything that can be done with what is under the pointer or has the focus: right click, long press, menu key, Shift F10. */
import { make } from './elements.js';
import { leadTo, movable, moveStep } from './outline-verbs.js';
import { toScreen } from './viewport.js';
import { gettext } from '../texts.js';

/** @typedef {import('./viewport.js').Point} Point @typedef {[text: string, icon: string, keys: string, work: () => any, off?: boolean] | null} Entry */
/** @typedef {{x: number, y: number}} Spot on the screen */

const POINTER_OFF = 4;

export class ContextMenu {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.root = /** @type {HTMLDialogElement} */ (document.getElementById('context-menu'));
    this.list = /** @type {HTMLElement} */ (this.root.firstElementChild);
    this.root.addEventListener('keydown', (event) => this.keys(event));
    // Not by click: the one that follows a long press comes when the finger that opened the menu goes up.
    this.root.addEventListener('pointerdown', (event) => event.target === this.root && this.root.close());
    this.root.addEventListener('contextmenu', (event) => {
      event.preventDefault();
      if (event.target === this.root) this.root.close();
    });
  }

  /** By the keyboard: of the selection or the focused card, beside it. */
  openAtFocus() {
    const { canvas } = this;
    const [id] = canvas.targets();
    const rect = canvas.getBoundingClientRect();
    const box = canvas.scene.boxes.get(id);
    const middle = canvas.scene.routes.get(id)?.middle;
    const at = box ? { x: box.x + box.w / 2, y: box.y + box.h / 2 } : middle;
    const spot = at ? toScreen(canvas.view, at) : { x: canvas.scene.size.w / 3, y: canvas.scene.size.h / 3 };
    this.show(id ?? '', { x: rect.left + spot.x, y: rect.top + spot.y });
  }

  /** Of what lies there. @param {Element} target @param {Spot} spot */
  open(target, spot) {
    const part = /** @type {any} */ (target.closest('.node, .note, [data-edge]'));
    const id = part?.dataset.id ?? part?.dataset.edge ?? '';
    const { canvas } = this;
    if (id && !canvas.selection.has(id)) canvas.select([id], { focus: !!canvas.graph.node(id) });
    this.show(id, spot);
  }

  /** @param {string} id a step, trigger, note or connection, '' for the ground @param {Spot} spot */
  show(id, spot) {
    const { canvas } = this;
    const rect = canvas.getBoundingClientRect();
    this.at = canvas.gestures.flow({ x: spot.x - rect.left, y: spot.y - rect.top });
    const entries = this.entries(id);
    while (entries.at(-1) === null) entries.pop();
    this.list.replaceChildren(...entries.map((entry) => (entry ? this.line(entry) : make('hr'))));
    this.list.setAttribute('aria-label', this.nameOf(id));
    this.root.showModal();
    const { offsetWidth, offsetHeight } = this.root;
    const left = Math.max(8, Math.min(spot.x + POINTER_OFF, innerWidth - offsetWidth - 8));
    const top = Math.max(8, Math.min(spot.y + POINTER_OFF, innerHeight - offsetHeight - 8));
    this.root.style.translate = `${left}px ${top}px`;
    this.items()[0]?.focus();
  }

  nameOf(id) {
    const { canvas } = this;
    if (canvas.selection.size > 1 && canvas.selection.has(id)) return gettext('%(number)s selected', { number: canvas.selection.size });
    if (canvas.graph.node(id)) return canvas.titleOf(id);
    return canvas.graph.notes.has(id) ? gettext('Note') : id ? gettext('Connection') : gettext('Canvas');
  }

  /** @param {NonNullable<Entry>} entry */
  line([text, icon, keys, work, off = false]) {
    const button = make('button', `mi${icon === 'trash-2' ? ' dng' : ''}`, { type: 'button', role: 'menuitem', tabindex: '-1' });
    const words = make('span', 'grow');
    words.textContent = text;
    button.append(this.canvas.icon(icon), words);
    button.disabled = off;
    for (const key of keys ? keys.split(' ') : []) {
      const cap = make('kbd', '', { 'aria-hidden': 'true' });
      cap.textContent = key;
      button.append(cap);
    }
    button.addEventListener('click', () => {
      this.root.close();
      work();
    });
    return button;
  }

  items() {
    return /** @type {any[]} */ ([...this.list.querySelectorAll('[role=menuitem]:not(:disabled)')]);
  }

  /** @param {KeyboardEvent} event */
  keys(event) {
    const items = this.items();
    const at = items.indexOf(document.activeElement);
    const letter = event.key.length === 1 && !event.ctrlKey && !event.metaKey ? event.key.toLowerCase() : '';
    const begins = [...items.slice(at + 1), ...items].find((item) => letter.trim() && item.textContent.toLowerCase().startsWith(letter));
    const next = { ArrowDown: items[(at + 1) % items.length], ArrowUp: items.at(at - 1), Home: items[0], End: items.at(-1) }[event.key] ?? begins;
    if (event.key === 'Tab') this.root.close();
    if (!next && event.key !== 'Tab') return;
    event.preventDefault();
    event.stopPropagation();
    next?.focus();
  }

  // ---------------------------------------------------------------- what is in it

  /** @param {string} id @returns {Entry[]} */
  entries(id) {
    const { canvas } = this;
    const { graph, selection } = canvas;
    if (!canvas.editable) return this.toRead(id);
    if (selection.size > 1 && selection.has(id)) return this.ofSeveral();
    if (graph.isTrigger(id)) return this.ofTrigger(id);
    if (graph.nodes.has(id)) return this.ofStep(id);
    if (graph.notes.has(id)) return this.ofNote(id);
    return graph.edges.has(id) ? this.ofLine(id) : this.ofGround();
  }

  /** @returns {Entry[]} */
  toRead(id) {
    const { canvas } = this;
    const open = /** @type {Entry} */ ([gettext('Open'), 'panel-right', 'Enter', () => canvas.select([id], { focus: true, open: true })]);
    return [...(canvas.graph.node(id) ? [open, null] : []), ...this.ofView()];
  }

  /** @returns {Entry[]} */
  ofView() {
    const { canvas } = this;
    return [[gettext('Find a step'), 'search', 'F', () => canvas.palette.find()], [gettext('Fit to view'), 'maximize', '1', () => canvas.fit()]];
  }

  /** What every copyable thing has. @param {() => string[]} ids @returns {Entry[]} */
  ofCopies(ids) {
    const { actions } = this.canvas;
    const cut = () => actions.clipboard.copy(ids()) && actions.remove(ids());
    return [
      [gettext('Cut'), 'unlink', 'Ctrl X', cut],
      [gettext('Copy'), 'copy', 'Ctrl C', () => actions.clipboard.copy(ids())],
      [gettext('Duplicate'), 'layers-2', 'Ctrl D', () => actions.clipboard.duplicate(ids())],
    ];
  }

  /** @param {string} id @returns {Entry[]} */
  ofStep(id) {
    const { canvas } = this;
    const { graph, actions } = canvas;
    const off = graph.nodes.get(id)?.disabled;
    const failure = graph.presentation(id).hidden?.some((port) => port.id === 'error') && !graph.edgeAt(id, 'error');
    const ends = !graph.ports(id).length;
    return [
      [gettext('Open'), 'panel-right', 'Enter', () => canvas.select([id], { focus: true, open: true, into: true })],
      [gettext('Rename'), 'pencil', 'F2', () => actions.rename(id)],
      null,
      [gettext('Add a step after'), 'plus', 'A', () => actions.addAfter(id), ends],
      [gettext('Connect to…'), 'cable', 'C', () => this.connect(id), ends],
      ...(failure ? [/** @type {Entry} */ ([gettext('Add a path for failures'), 'circle-alert', '', () => canvas.palette.open({ source: id,
        port: 'error' })])] : []),
      ...(canvas.outline ? [/** @type {Entry} */ ([gettext('Move…'), 'arrow-down', '', () => moveStep(canvas, id),
        !movable(graph, id)])] : []),
      [gettext('Replace with…'), 'repeat', '', () => canvas.palette.openReplacement(id)],
      [off ? gettext('Switch on') : gettext('Switch off for now'), off ? 'play' : 'pause', '', () => actions.switchStep(id)],
      [gettext('Test up to here'), 'play', '', () => canvas.overlay.test(id)],
      null,
      ...this.ofCopies(() => [id]),
      [gettext('Select all behind it'), 'list-tree', '', () => this.selectBehind(id), !graph.outgoing(id).length],
      null,
      [gettext('Delete'), 'trash-2', 'Del', () => actions.remove([id])],
    ];
  }

  /** @param {string} id @returns {Entry[]} */
  ofTrigger(id) {
    const { canvas } = this;
    const { graph, actions } = canvas;
    const enabled = graph.triggers.get(id)?.enabled;
    const several = graph.triggers.size > 1;
    return [
      [gettext('Open'), 'panel-right', 'Enter', () => canvas.select([id], { focus: true, open: true, into: true })],
      [gettext('Add a step after'), 'plus', 'A', () => actions.addAfter(id)],
      [gettext('Connect to…'), 'cable', 'C', () => this.connect(id)],
      null,
      [gettext('Add a trigger'), 'plus', '', () => canvas.palette.openTriggers()],
      [enabled ? gettext('Switch off') : gettext('Switch on'), enabled ? 'pause' : 'play', '', () => actions.switchTrigger(id), enabled && !several],
      [gettext('Select all behind it'), 'list-tree', '', () => this.selectBehind(id), !graph.outgoing(id).length],
      null,
      [gettext('Delete'), 'trash-2', 'Del', () => actions.remove([id]), !several],
    ];
  }

  /** @returns {Entry[]} */
  ofSeveral() {
    const { canvas } = this;
    const ids = () => [...canvas.selection];
    return [...this.ofCopies(ids), null, [gettext('Delete'), 'trash-2', 'Del', () => canvas.actions.remove(ids())]];
  }

  /** @param {string} id @returns {Entry[]} */
  ofNote(id) {
    const { canvas } = this;
    const write = () => /** @type {any} */ (canvas.scene.notes.get(id)?.firstElementChild)?.focus();
    return [[gettext('Write'), 'pencil', '', write], null, ...this.ofCopies(() => [id]), null, [gettext('Delete'), 'trash-2', 'Del',
      () => canvas.actions.remove([id])]];
  }

  /** @param {string} id @returns {Entry[]} */
  ofLine(id) {
    const { canvas } = this;
    const edge = /** @type {import('./graph.js').Edge} */ (canvas.graph.edges.get(id));
    return [
      [gettext('Add a step here'), 'plus', '', () => canvas.palette.open({ edge: id })],
      [gettext('Lead to another step…'), 'cable', 'C', () => this.connect(edge.source, edge.sourceHandle)],
      null,
      [gettext('Go to %(step)s', { step: canvas.titleOf(edge.source) }), 'arrow-up', '', () => canvas.select([edge.source], { focus: true })],
      [gettext('Go to %(step)s', { step: canvas.titleOf(edge.target) }), 'arrow-down', '', () => canvas.select([edge.target], { focus: true })],
      null,
      [gettext('Delete the connection'), 'trash-2', 'Del', () => canvas.actions.remove([id])],
    ];
  }

  /** @returns {Entry[]} */
  ofGround() {
    const { canvas, at } = this;
    const { actions, history } = canvas;
    const undo = history.undoLabel;
    return [
      [gettext('Add a step here'), 'plus', '/', () => canvas.palette.open({ at })],
      [gettext('Add a note here'), 'sticky-note', 'N', () => actions.addNote(at)],
      [gettext('Paste here'), 'inbox', 'Ctrl V', () => actions.clipboard.pasteFromMenu(at)],
      null,
      [undo ? gettext('Undo: %(undo)s', { undo }) : gettext('Undo'), 'undo-2', 'Ctrl Z', () => canvas.undo(), !undo],
      [gettext('Select everything'), 'layers', 'Ctrl A', () => canvas.select([...canvas.graph.ids(), ...canvas.graph.notes.keys()])],
      [gettext('Tidy up'), 'wand-sparkles', '', () => actions.tidy()],
      null,
      ...this.ofView(),
    ];
  }

  // ---------------------------------------------------------------- verbs that only the menu has

  /** Choose by keyboard or by the next click where a way out leads. @param {string} id @param {string} [port] */
  connect(id, port) {
    const { canvas } = this;
    if (canvas.outline) return leadTo(canvas, id);
    canvas.focusOn(id);
    return canvas.keyboard.startConnect(port);
  }

  /** @param {string} id */
  selectBehind(id) {
    const { canvas } = this;
    canvas.select(canvas.graph.downstream(id), { focus: false });
    canvas.announce(gettext('%(number)s selected', { number: canvas.selection.size }));
  }
}
