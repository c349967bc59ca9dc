// @ts-check
/**
 * Everything by keyboard. Arrows follow the edges; M and C are modes (`key-modes.js`). Single letters act only
 * while the canvas has the focus. Moves go through the same ops as the pointer's, so undo and saving see them.
 */
import { later } from './later.js';
import { gettext } from '../texts.js';

export const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const typing = (target) => target instanceof Element && !!target.closest('input, textarea, select, [contenteditable=plaintext-only], [contenteditable=true]');
const modesPart = later(() => import('./key-modes.js'));

/** A key that means something here, and nothing else anywhere. @param {Event} event @param {() => any} work */
export function done(event, work) {
  event.preventDefault();
  event.stopPropagation();
  work();
}

export class Keyboard {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {import('./key-modes.js').KeyModes | undefined} */
    this.modes = undefined;
    canvas.addEventListener('keydown', (event) => this.onCanvas(event));
    document.addEventListener('keydown', (event) => this.anywhere(event));
    // A button is pressed when the space bar comes up; here the space bar selects.
    canvas.addEventListener('keyup', (event) => event.key === ' ' && /** @type {Element} */ (event.target).closest('.card') && event.preventDefault());
    canvas.addEventListener('focusin', (event) => {
      const id = /** @type {any} */ (event.target).closest('.node')?.dataset.id;
      if (!id) return;
      canvas.makeCurrent(id);
      if (/** @type {Element} */ (event.target).matches(':focus-visible')) canvas.show(id);
    });
    canvas.scene.noteLayer.addEventListener('focusout', (event) => this.noteWritten(event.target));
  }

  /** `move`, `connect`, or ''. */
  get mode() {
    return this.modes?.mode ?? '';
  }

  noteWritten(target) {
    const { canvas } = this;
    const id = target.closest('.note')?.dataset.id;
    const note = canvas.graph.notes.get(id);
    if (note && target.textContent !== note.text) canvas.perform([{ kind: 'update_note', noteId: id, text: target.textContent }], gettext('Changed a note'));
  }

  /** Shortcuts with Ctrl or Cmd, wherever the focus is outside a text field. @param {KeyboardEvent} event */
  anywhere(event) {
    const { canvas } = this;
    if (typing(event.target) || document.querySelector('dialog[open]')) return;
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey)) {
      const free = event.target === document.body || canvas.stage.contains(/** @type {any} */ (event.target));
      if (key === '/' && free && canvas.editable) return done(event, () => canvas.palette.focus());
      if (key === '?' && free) return done(event, () => canvas.actions.run('shortcuts', canvas));
      return;
    }
    const chords = {
      z: () => (event.shiftKey ? canvas.redo() : canvas.undo()),
      y: () => canvas.redo(),
      d: () => canvas.actions.clipboard.duplicate(canvas.targets()),
      a: () => {
        canvas.select([...canvas.graph.ids(), ...canvas.graph.notes.keys()]);
        canvas.announce(gettext('%(number)s selected', { number: canvas.selection.size }));
      },
    };
    if (chords[key] && canvas.editable) done(event, chords[key]);
  }

  /** @param {KeyboardEvent} event */
  onCanvas(event) {
    const { canvas } = this;
    if (typing(event.target)) {
      if (event.key === 'Escape') done(event, () => (/** @type {any} */ (event.target).closest('.note') ?? canvas).focus({ preventScroll: true }));
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.mode) return this.modes?.key(event);
    const id = canvas.current;
    const keys = {
      ...Object.fromEntries(Object.entries(ARROWS).map(([key, [x, y]]) => [key, () => this.walk(x, y)])),
      Home: () => canvas.focusOn(canvas.graph.order()[0]),
      End: () => canvas.focusOn(canvas.graph.order().at(-1) ?? id),
      ...(event.target === canvas && { Enter: () => canvas.select([id], { focus: true, open: true, into: true }) }),
      1: () => canvas.fit(),
      '+': () => canvas.zoom(1.25),
      '-': () => canvas.zoom(0.8),
      f: () => canvas.palette.find(),
      t: () => canvas.overlay.test(),
      Escape: () => (canvas.selection.size ? canvas.select([]) : canvas.panel.close()),
      ...(canvas.editable && {
        m: () => this.startMove(),
        c: () => this.startConnect(),
        a: () => canvas.actions.addAfter(id),
        n: () => canvas.actions.addNote(),
        F2: () => canvas.actions.rename(id),
        Delete: () => canvas.actions.remove(canvas.targets()),
        Backspace: () => canvas.actions.remove(canvas.targets()),
        ...(/** @type {Element} */ (event.target).closest('.card') && { ' ': () => this.toggle(id) }),
      }),
    };
    const work = keys[event.key] ?? keys[event.key.toLowerCase()];
    if (work) done(event, work);
  }

  toggle(id) {
    const { canvas } = this;
    const ids = new Set(canvas.selection);
    if (!ids.delete(id)) ids.add(id);
    canvas.select(ids);
    canvas.makeCurrent(id);
    canvas.announce(ids.has(id)
      ? gettext('%(step)s selected, %(number)s in all', { step: canvas.titleOf(id), number: ids.size })
      : gettext('%(step)s not selected, %(number)s in all', { step: canvas.titleOf(id), number: ids.size }));
  }

  /** Follow an edge down or up, or go to the sibling left or right. */
  walk(x, y) {
    const { canvas } = this;
    const { graph } = canvas;
    const id = canvas.current;
    const ports = graph.ports(id).map((port) => port.id);
    const after = graph.outgoing(id).sort((a, b) => ports.indexOf(a.sourceHandle) - ports.indexOf(b.sourceHandle));
    const next = y > 0 ? after[0]?.target : y < 0 ? graph.incoming(id)[0]?.source : this.beside(id, x);
    if (next) canvas.focusOn(next);
    else canvas.announce(y > 0 ? gettext('Nothing comes after this step. Press A to add one.') : y < 0 ? gettext('Nothing leads here.')
      : gettext('Nothing beside it.'));
  }

  /** The nearest step at the same height or, failing that, anywhere on that side. */
  beside(id, x) {
    const { graph, scene } = this.canvas;
    const origin = /** @type {any} */ (scene.boxes.get(id));
    const siblings = new Set(graph.incoming(id).flatMap((edge) => graph.outgoing(edge.source).map((other) => other.target)));
    let best = '';
    let least = Infinity;
    for (const other of graph.ids()) {
      const box = /** @type {any} */ (scene.boxes.get(other));
      const far = (box.x - origin.x) * x;
      if (other === id || far < 40) continue;
      const cost = far + Math.abs(box.y - origin.y) * 4 - (siblings.has(other) ? 10000 : 0);
      if (cost < least) [least, best] = [cost, other];
    }
    return best;
  }

  // ---------------------------------------------------------------- modes

  /** Move the selection by arrow keys. */
  startMove() {
    return this.withModes((modes) => modes.startMove());
  }

  /** Choose by arrow keys where a way out leads. @param {string} [way] the way out to begin with */
  startConnect(way) {
    return this.withModes((modes) => modes.startConnect(way));
  }

  /** @param {(modes: import('./key-modes.js').KeyModes) => void} work */
  withModes(work) {
    return this.canvas.using(modesPart, ({ KeyModes }) => work((this.modes ??= new KeyModes(this.canvas))));
  }
}
