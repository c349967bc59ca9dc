// @ts-check
/** Two modes of the keyboard, which Enter ends and Escape leaves: moving steps by arrow keys (M), and choosing where a way out leads (C). */
import { ARROWS, done } from './keyboard.js';
import { gettext } from '../texts.js';

export class KeyModes {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.mode = '';
    /** @type {Map<string, {x: number, y: number}>} */
    this.before = new Map();
    canvas.addEventListener('focusout', (event) => {
      if (this.mode && !canvas.contains(/** @type {any} */ (event.relatedTarget))) this.leave(true);
    });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (this.mode === 'move') this.moving(event);
    else this.connecting(event);
  }

  startMove() {
    const { canvas } = this;
    if (!canvas.selection.has(canvas.current)) canvas.select([canvas.current]);
    const { boxes } = canvas.scene;
    this.before = new Map([...canvas.selection].filter((id) => boxes.has(id)).map((id) => [id, { .../** @type {any} */ (boxes.get(id)) }]));
    this.enter('move', gettext('Moving %(step)s. Arrow keys move it, with Shift farther. Enter keeps it there, Escape puts it back.',
      { step: canvas.titleOf(canvas.current) }));
  }

  moving(event) {
    const { canvas } = this;
    const by = ARROWS[event.key];
    if (by) {
      const step = event.shiftKey ? 40 : 8;
      return done(event, () => {
        for (const id of this.before.keys()) {
          const box = /** @type {any} */ (canvas.scene.boxes.get(id));
          canvas.scene.place(id, { x: box.x + by[0] * step, y: box.y + by[1] * step });
        }
        canvas.show(canvas.current);
      });
    }
    if (['Enter', 'm', 'M', ' ', 'Tab'].includes(event.key)) done(event, () => this.leave(true));
    if (event.key === 'Escape') done(event, () => this.leave(false));
    return undefined;
  }

  /** @param {string} [way] the way out to begin with */
  startConnect(way) {
    const { canvas } = this;
    const { graph } = canvas;
    const id = canvas.current;
    const ports = graph.ports(id);
    if (!ports.length) return canvas.announce(gettext('This step ends the path. Nothing can come after it.'), 'err');
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
    const word = port.label ? `${gettext('Way out “%(label)s”.', { label: port.label })} ` : '';
    this.aim(0, `${word}${ports.length > 1 ? gettext('Left and right choose another branch.') + ' ' : ''}${
      gettext('Up and down choose the step, Enter connects, Delete disconnects.')} `);
  }

  /** Is the step that is being connected behind this one? @param {string} id */
  leadsBack(id) {
    return this.canvas.graph.downstream(id).has(this.canvas.current);
  }

  aim(by, before = '') {
    const { canvas } = this;
    const targets = this.targets ?? [];
    if (!targets.length) return canvas.announce(gettext('There is no step this one could lead to.'));
    this.target = (this.target + by + targets.length) % targets.length;
    const id = targets[this.target];
    canvas.gestures.links.aim(id);
    canvas.gestures.links.draw(canvas.gestures.last, null, id);
    canvas.show(id);
    return canvas.announce(before + (this.leadsBack(id)
      ? gettext('Back to %(step)s, %(number)s of %(all)s', { step: canvas.titleOf(id), number: this.target + 1, all: targets.length })
      : gettext('%(step)s, %(number)s of %(all)s', { step: canvas.titleOf(id), number: this.target + 1, all: targets.length })));
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
    if (keys[event.key]) done(event, keys[event.key]);
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
    if (mode !== 'move') return keep || canvas.announce(gettext('Not connected.'));
    if (keep) {
      const ids = [...this.before.keys()];
      const moved = ids.some((id) => canvas.scene.boxes.get(id)?.x !== this.before.get(id)?.x || canvas.scene.boxes.get(id)?.y !== this.before.get(id)?.y);
      return moved ? canvas.perform(canvas.actions.moves(ids), gettext('Moved %(current)s', { current: this.whereTo(canvas.current) }))
        : canvas.announce(gettext('Not moved.'));
    }
    for (const [id, at] of this.before) canvas.scene.place(id, at);
    return canvas.announce(gettext('Put back.'));
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
