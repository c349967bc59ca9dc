// @ts-check
/**
 * Everything by keyboard. Arrows follow the edges; M and C are modes that Enter ends and Escape leaves. Single letters act only
 * while the canvas has the focus. Moves go through the same ops as the pointer's, so undo and saving see them.
 */

const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const typing = (target) => target instanceof Element && !!target.closest('input, textarea, select, [contenteditable=plaintext-only], [contenteditable=true]');

export class Keyboard {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.mode = '';
    /** @type {Map<string, {x: number, y: number}>} */
    this.before = new Map();
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
    canvas.addEventListener('focusout', (event) => {
      if (this.mode && !canvas.contains(/** @type {any} */ (event.relatedTarget))) this.leave(true);
    });
    canvas.scene.noteLayer.addEventListener('focusout', (event) => this.noteWritten(event.target));
  }

  noteWritten(target) {
    const { canvas } = this;
    const id = target.closest('.note')?.dataset.id;
    const note = canvas.graph.notes.get(id);
    if (note && target.textContent !== note.text) canvas.perform([{ kind: 'update_note', noteId: id, text: target.textContent }], 'Changed a note');
  }

  /** Shortcuts with Ctrl or Cmd, wherever the focus is outside a text field. @param {KeyboardEvent} event */
  anywhere(event) {
    const { canvas } = this;
    if (typing(event.target) || document.querySelector('dialog[open]')) return;
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey)) {
      const free = event.target === document.body || canvas.stage.contains(/** @type {any} */ (event.target));
      if (key === '/' && free && canvas.editable) return this.done(event, () => canvas.palette.focus());
      if (key === '?' && free) return this.done(event, () => canvas.actions.run('shortcuts', canvas));
      return;
    }
    const chords = {
      z: () => (event.shiftKey ? canvas.redo() : canvas.undo()),
      y: () => canvas.redo(),
      d: () => canvas.actions.clipboard.duplicate(canvas.targets()),
      a: () => {
        canvas.select([...canvas.graph.ids(), ...canvas.graph.notes.keys()]);
        canvas.announce(`${canvas.selection.size} selected`);
      },
    };
    if (chords[key] && canvas.editable) this.done(event, chords[key]);
  }

  done(event, work) {
    event.preventDefault();
    event.stopPropagation();
    work();
  }

  /** @param {KeyboardEvent} event */
  onCanvas(event) {
    const { canvas } = this;
    if (typing(event.target)) {
      if (event.key === 'Escape') /** @type {HTMLElement} */ (event.target).blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.mode === 'move') return this.moving(event);
    if (this.mode === 'connect') return this.connecting(event);
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
    if (work) this.done(event, work);
  }

  toggle(id) {
    const { canvas } = this;
    const ids = new Set(canvas.selection);
    if (!ids.delete(id)) ids.add(id);
    canvas.select(ids);
    canvas.makeCurrent(id);
    canvas.announce(`${canvas.titleOf(id)} ${ids.has(id) ? 'selected' : 'not selected'}, ${ids.size} in all`);
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
    else canvas.announce(y > 0 ? 'Nothing comes after this step. Press A to add one.' : y < 0 ? 'Nothing leads here.' : 'Nothing beside it.');
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

  startMove() {
    const { canvas } = this;
    if (!canvas.selection.has(canvas.current)) canvas.select([canvas.current]);
    const { boxes } = canvas.scene;
    this.before = new Map([...canvas.selection].filter((id) => boxes.has(id)).map((id) => [id, { .../** @type {any} */ (boxes.get(id)) }]));
    this.enter('move', `Moving ${canvas.titleOf(canvas.current)}. Arrow keys move it, with Shift farther. Enter keeps it there, Escape puts it back.`);
  }

  moving(event) {
    const { canvas } = this;
    const by = ARROWS[event.key];
    if (by) {
      const step = event.shiftKey ? 40 : 8;
      return this.done(event, () => {
        for (const id of this.before.keys()) {
          const box = /** @type {any} */ (canvas.scene.boxes.get(id));
          canvas.scene.place(id, { x: box.x + by[0] * step, y: box.y + by[1] * step });
        }
        canvas.show(canvas.current);
      });
    }
    if (['Enter', 'm', 'M', ' ', 'Tab'].includes(event.key)) this.done(event, () => this.leave(true));
    if (event.key === 'Escape') this.done(event, () => this.leave(false));
    return undefined;
  }

  /** @param {string} [way] the way out to begin with */
  startConnect(way) {
    const { canvas } = this;
    const { graph } = canvas;
    const id = canvas.current;
    const ports = graph.ports(id);
    if (!ports.length) return canvas.announce('This step ends the path. Nothing can come after it.', 'err');
    this.port = Math.max(0, ports.findIndex((port) => (way ? port.id === way : !graph.edgeAt(id, port.id))));
    this.enter('connect', '');
    return this.choosePort(0);
  }

  choosePort(by) {
    const { canvas } = this;
    const ports = canvas.graph.ports(canvas.current);
    this.port = (this.port + by + ports.length) % ports.length;
    const port = ports[this.port];
    canvas.gestures.links.link(canvas.current, port.id);
    const possible = canvas.graph.order().filter((id) => !canvas.graph.whyNot(canvas.current, port.id, id));
    this.targets = possible.sort((a, b) => Number(this.leadsBack(a)) - Number(this.leadsBack(b))); // a way back is the exception
    const to = canvas.graph.edgeAt(canvas.current, port.id)?.target;
    this.target = Math.max(0, this.targets.indexOf(to ?? ''));
    const word = port.label ? `Way out “${port.label}”. ` : '';
    this.aim(0, `${word}${ports.length > 1 ? 'Left and right choose another way out. ' : ''}Up and down choose the step, Enter connects, Delete disconnects. `);
  }

  /** Is the step that is being connected behind this one? @param {string} id */
  leadsBack(id) {
    return this.canvas.graph.downstream(id).has(this.canvas.current);
  }

  aim(by, before = '') {
    const { canvas } = this;
    const targets = this.targets ?? [];
    if (!targets.length) return canvas.announce('There is no step this one could lead to.');
    this.target = (this.target + by + targets.length) % targets.length;
    const id = targets[this.target];
    canvas.gestures.links.aim(id);
    canvas.gestures.links.draw(canvas.gestures.last, null, id);
    canvas.show(id);
    return canvas.announce(`${before}${this.leadsBack(id) ? 'Back to ' : ''}${canvas.titleOf(id)}, ${this.target + 1} of ${targets.length}`);
  }

  connecting(event) {
    const { canvas } = this;
    const { links } = canvas.gestures;
    const keys = {
      ArrowDown: () => this.aim(1),
      ArrowUp: () => this.aim(-1),
      ArrowLeft: () => this.choosePort(-1),
      ArrowRight: () => this.choosePort(1),
      Enter: () => {
        const { source, port, target } = /** @type {any} */ (links.open);
        this.leave(true);
        if (target) canvas.actions.connect(source, port, target);
      },
      Delete: () => {
        const edge = links.open && canvas.graph.edgeAt(links.open.source, links.open.port);
        this.leave(true);
        if (edge) canvas.actions.remove([edge.id]);
      },
      Escape: () => this.leave(false),
    };
    keys.Backspace = keys.Delete;
    if (keys[event.key]) this.done(event, keys[event.key]);
    else if (event.key !== 'Tab') event.preventDefault();
  }

  enter(mode, text) {
    this.mode = mode;
    this.canvas.dataset.keys = mode;
    if (text) this.canvas.announce(text);
  }

  /** End a mode; `keep` what was done in it. */
  leave(keep) {
    const { canvas, mode } = this;
    this.mode = '';
    delete canvas.dataset.keys;
    canvas.gestures.links.unlink();
    if (mode !== 'move') return keep || canvas.announce('Not connected.');
    if (keep) {
      const ids = [...this.before.keys()];
      const moved = ids.some((id) => canvas.scene.boxes.get(id)?.x !== this.before.get(id)?.x || canvas.scene.boxes.get(id)?.y !== this.before.get(id)?.y);
      return moved ? canvas.perform(canvas.actions.moves(ids), `Moved ${this.whereTo(canvas.current)}`) : canvas.announce('Not moved.');
    }
    for (const [id, at] of this.before) canvas.scene.place(id, at);
    return canvas.announce('Put back.');
  }

  /** A place in words: below its neighbour, not in pixels. */
  whereTo(id) {
    const { graph, scene } = this.canvas;
    const origin = /** @type {any} */ (scene.boxes.get(id));
    const near = graph.ids().filter((other) => other !== id).map((other) => /** @type {[string, any]} */ ([other, scene.boxes.get(other)]))
      .sort((a, b) => Math.hypot(a[1].x - origin.x, a[1].y - origin.y) - Math.hypot(b[1].x - origin.x, b[1].y - origin.y))[0];
    if (!near) return this.canvas.titleOf(id);
    const [dx, dy] = [origin.x - near[1].x, origin.y - near[1].y];
    const side = Math.abs(dy) > Math.abs(dx) ? (dy > 0 ? 'below' : 'above') : dx > 0 ? 'right of' : 'left of';
    return `${this.canvas.titleOf(id)} ${side} ${this.canvas.titleOf(near[0])}`;
  }
}
