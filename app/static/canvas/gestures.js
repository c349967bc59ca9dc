// @ts-check
/**
 * The one state machine for pointers: pan, drag, marquee, connect, bring in a new step, pinch. Nothing is requested while it runs;
 * a gesture ends in at most one `perform`. Escape or a second finger takes it back.
 */
import { attach, snap } from './commands.js';
import { lift } from './lift.js';
import { Links } from './links.js';
import { make } from './elements.js';
import * as view from './viewport.js';
import { gettext } from '../texts.js';

/** @typedef {import('./viewport.js').Point} Point */
/** @typedef {{move?: (at: Point, event: any) => void, up?: (at: Point, event: any) => void, cancel?: () => void, pans?: boolean,
 * holds?: Set<string>}} Gesture `holds`: cards and notes that are where the pointer has them */

const SLACK = 4;
const GUIDE = 6;
/** How long a finger rests until it means the menu. */
const LONG_MS = 500;
const CHROME = '.tb, .ins, .leaf, .trigger-switch, .rename, .chrome, input, [contenteditable=true], [contenteditable=plaintext-only]:focus';

export class Gestures {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.links = new Links(canvas, this);
    /** @type {Gesture | null} */
    this.gesture = null;
    /** @type {Map<number, Point>} */
    this.fingers = new Map();
    this.space = false;
    /** The frame in which the canvas moves on, the pointer being near its rim. */
    this.panning = 0;
    this.last = { x: 0, y: 0 };
    /** Where the canvas lies, during a gesture. @type {DOMRect | null} */
    this.origin = null;
    this.listen();
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener('pointerdown', (event) => this.down(event));
    canvas.addEventListener('pointermove', (event) => this.moved(event));
    for (const name of ['pointerup', 'pointercancel']) canvas.addEventListener(name, (event) => this.lifted(/** @type {any} */ (event)));
    canvas.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    canvas.addEventListener('gesturestart', (event) => event.preventDefault());
    canvas.addEventListener('pointerover', (event) => this.links.hover(/** @type {any} */ (event.target)));
    canvas.addEventListener('dblclick', (event) => {
      const card = /** @type {any} */ (document.elementFromPoint(event.clientX, event.clientY)?.closest('.card')?.closest('.node') ?? this.farCard(event));
      if (card) canvas.actions.rename(card.dataset.id);
    });
    // A click without a pointer is the keyboard or a screen reader.
    canvas.addEventListener('click', (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      const plus = target.closest('.plus, .ins');
      if (plus) return this.links.plus(/** @type {any} */ (plus));
      const card = /** @type {any} */ (target.closest('.card'));
      if (card && (event.detail === 0 || canvas.outline)) canvas.select([card.parentElement.dataset.id], { open: true, into: true });
      const handle = /** @type {any} */ (target.closest('.h.out'));
      if (handle && event.detail === 0) this.links.link(handle.closest('.node').dataset.id, handle.dataset.port);
      return undefined;
    });
    addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && (this.gesture || this.links.open) && !canvas.keyboard.mode) {
        event.stopPropagation();
        this.cancel();
      }
      if (event.key === ' ' && (event.target === document.body || event.target === canvas)) this.hold(true, event);
    }, true);
    addEventListener('keyup', (event) => event.key === ' ' && this.hold(false));
  }

  hold(on, event) {
    event?.preventDefault();
    this.canvas.classList.toggle('hand', (this.space = on));
  }

  /** Pointer position in the canvas. Where the canvas lies is asked once a gesture: to ask is to lay the page out, in each move of a drag. */
  at(event) {
    if (!this.gesture && !this.pinching) this.origin = null;
    this.origin ??= this.canvas.getBoundingClientRect();
    return { x: event.clientX - this.origin.left, y: event.clientY - this.origin.top };
  }

  /** Far away cards are a picture: the one that is meant. @param {any} event */
  farCard(event) {
    const { farMap } = this.canvas.scene;
    return (farMap?.on && !event.target.closest('.chrome') && farMap.cardAt(this.at(event))) || null;
  }

  flow(at) {
    return view.toFlow(this.canvas.view, at);
  }

  // ---------------------------------------------------------------- events

  down(event) {
    const { canvas } = this;
    if (canvas.outline) return undefined;
    const at = (this.last = this.at(event));
    this.fingers.set(event.pointerId, at);
    if (event.pointerType !== 'mouse' && this.fingers.size === 2) return this.startPinch();
    if (this.fingers.size > 2 || event.target.closest(CHROME)) return undefined;
    if (event.pointerType !== 'mouse') this.watchLongPress(event, at);
    if (this.links.open) return this.links.end(event);
    if (document.activeElement instanceof HTMLElement && document.activeElement.matches('input, textarea, [contenteditable]')) document.activeElement.blur();
    const grabs = event.button === 1 || (event.button === 0 && this.space);
    if (grabs) return this.begin(event, this.pan(at));
    if (event.button !== 0) return undefined;
    const end = canvas.editable && this.links.reconnection.press(at, event);
    if (end) return this.begin(event, end);
    const handle = canvas.editable && event.target.closest('.h.out');
    if (handle) return this.begin(event, this.pressPort(handle.closest('.node').dataset.id, handle.dataset.port, at));
    if (event.target.closest('.note-text') && !event.target.closest('.note').classList.contains('moving')) return undefined;
    const size = canvas.editable && event.target.closest('.note-size');
    if (size) return this.begin(event, this.resize(size.parentElement.dataset.id, at));
    const node = this.farCard(event) ?? event.target.closest('.node, .note');
    if (node) return this.begin(event, this.press(node.dataset.id, at, event));
    const edge = event.target.closest('[data-edge]');
    if (edge && canvas.editable) return this.begin(event, { up: (end) => this.near(at, end) && canvas.select([edge.dataset.edge]) });
    const marquee = event.pointerType === 'mouse' && canvas.editable;
    return this.begin(event, marquee ? this.marquee(at, event.shiftKey) : this.pan(at, true));
  }

  /** @param {any} event @param {Gesture} gesture */
  begin(event, gesture) {
    this.gesture = gesture;
    this.canvas.setPointerCapture(event.pointerId);
    if (!event.target.closest('.card, .note')) {
      event.preventDefault();
      this.canvas.focus({ preventScroll: true });
    }
  }

  moved(event) {
    if (!this.fingers.has(event.pointerId)) return this.links.hovered(this.at(event), event);
    const at = (this.last = this.at(event));
    if (this.pinching) return this.pinch(event.pointerId, at);
    this.fingers.set(event.pointerId, at);
    this.event = event;
    this.gesture?.move?.(at, event);
    return this.autoPan();
  }

  /** A finger that stays where it came down opens the menu of what is there. */
  watchLongPress(event, at) {
    clearTimeout(this.longPress);
    this.longPress = setTimeout(() => {
      if (!this.fingers.has(event.pointerId) || this.fingers.size > 1 || Math.hypot(at.x - this.last.x, at.y - this.last.y) > 2 * SLACK) return;
      this.cancel();
      this.fingers.clear();
      this.canvas.menu.open(this.farCard(event) ?? event.target, { x: event.clientX, y: event.clientY });
    }, LONG_MS);
  }

  lifted(event) {
    clearTimeout(this.longPress);
    this.fingers.delete(event.pointerId);
    if (this.pinching) {
      this.pinching = this.fingers.size > 1;
      return;
    }
    const { gesture } = this;
    this.gesture = null;
    this.canvas.classList.remove('busy');
    if (event.type === 'pointercancel') gesture?.cancel?.();
    else gesture?.up?.(this.at(event), event);
  }

  cancel() {
    const { gesture } = this;
    this.gesture = null;
    gesture?.cancel?.();
    this.links.unlink();
    this.canvas.classList.remove('busy');
  }

  /** Said in each move, written once: who watches the class, as tests do, sees no change where there is none. */
  markBusy() {
    if (!this.canvas.classList.contains('busy')) this.canvas.classList.add('busy');
  }

  near(a, b) {
    return Math.hypot(a.x - b.x, a.y - b.y) < SLACK;
  }

  wheel(event) {
    if (this.canvas.outline) return undefined;
    if (event.target.closest('.chrome .scroll')) return undefined;
    event.preventDefault();
    const { canvas } = this;
    const by = view.wheelPixels(event);
    if (event.ctrlKey || event.metaKey) return canvas.setView(view.zoomAt(canvas.view, view.wheelFactor(by.y), this.at(event)));
    const { x, y, k } = canvas.view;
    return canvas.setView(event.shiftKey && !by.x ? { x: x - by.y, y, k } : { x: x - by.x, y: y - by.y, k });
  }

  startPinch() {
    this.cancel();
    this.pinching = true;
  }

  pinch(id, at) {
    const before = [...this.fingers.values()];
    this.fingers.set(id, at);
    if (before.length === 2) this.canvas.setView(view.pinch(this.canvas.view, before, [...this.fingers.values()]));
  }

  /** Keep moving the canvas while the pointer rests near its rim. Elsewhere no frame is asked for. */
  autoPan() {
    const { gesture, canvas } = this;
    const by = view.autoPan(this.last, canvas.scene.size);
    if (this.panning || !gesture?.pans || !(by.x || by.y)) return;
    this.panning = requestAnimationFrame(() => {
      this.panning = 0;
      if (this.gesture !== gesture) return;
      if (canvas.classList.contains('busy')) {
        canvas.setView({ ...canvas.view, x: canvas.view.x + by.x, y: canvas.view.y + by.y });
        gesture.move?.(this.last, this.event);
      }
      this.autoPan();
    });
  }

  // ---------------------------------------------------------------- gestures

  /** @returns {Gesture} */
  pan(from, clears = false) {
    const { canvas } = this;
    const start = canvas.view;
    return {
      move: (at) => {
        this.markBusy();
        canvas.setView({ ...start, x: start.x + at.x - from.x, y: start.y + at.y - from.y });
      },
      up: (at) => clears && this.near(from, at) && canvas.select([]),
      cancel: () => canvas.setView(start),
    };
  }

  /** A press on a card or note: a click selects and opens, a move drags the selection. @returns {Gesture} */
  press(id, from, event) {
    const { canvas } = this;
    const adds = event.shiftKey || event.ctrlKey || event.metaKey;
    const movable = canvas.editable;
    /** @type {Gesture | null} */
    let drag = null;
    const holds = new Set();
    return {
      pans: true,
      holds,
      move: (at, now) => {
        if (!movable && !this.near(from, at)) return;
        if (!drag && !this.near(from, at)) {
          if (!canvas.selection.has(id)) canvas.select(adds ? [...canvas.selection, id] : [id]);
          drag = this.drag(id, from);
          for (const one of canvas.selection) holds.add(one);
        }
        drag?.move?.(at, now);
      },
      up: (at, now) => {
        if (drag) return drag.up?.(at, now);
        if (!adds) return canvas.select([id], { open: true, focus: !!canvas.graph.node(id) });
        const ids = new Set(canvas.selection);
        if (!ids.delete(id)) ids.add(id);
        return canvas.select(ids);
      },
      cancel: () => drag?.cancel?.(),
    };
  }

  /** @returns {Gesture} */
  drag(id, from) {
    const { canvas } = this;
    const { scene, graph } = canvas;
    const origin = this.flow(from);
    const ids = [...canvas.selection].filter((one) => scene.boxes.has(one));
    const starts = new Map(ids.map((one) => [one, { ...scene.boxes.get(one) }]));
    const others = [...scene.boxes].filter(([one]) => !starts.has(one) && graph.node(one)).map(([, box]) => box);
    const lead = /** @type {any} */ (starts.get(id));
    const loose = ids.length === 1 && graph.nodes.has(id) && !graph.incoming(id).length;
    const alone = loose && !graph.outgoing(id).length;
    const open = loose ? this.links.openWays(graph.downstream(id)) : [];
    const slotOf = (now) => {
      const box = /** @type {any} */ (scene.boxes.get(id));
      const head = { x: box.x + box.w / 2, y: box.y };
      return { slot: this.links.slotAt(now, graph.nodes.get(id)?.type ?? '', { head, open, edges: alone }), head };
    };
    const putDown = lift(scene, graph, ids);
    const finish = () => {
      putDown();
      scene.guides.hide();
      this.links.lightSlot(null);
      this.links.showSlots('');
    };
    if (alone) this.links.showSlots(graph.nodes.get(id)?.type ?? '');
    return {
      move: (at, event) => {
        this.markBusy();
        const now = this.flow(at);
        let [dx, dy] = [now.x - origin.x, now.y - origin.y];
        if (!event?.altKey) {
          const guides = view.guides({ ...lead, x: lead.x + dx, y: lead.y + dy }, others, GUIDE / canvas.view.k);
          dx = guides.x === null ? snap(lead.x + dx) - lead.x : dx + guides.dx;
          dy = guides.y === null ? snap(lead.y + dy) - lead.y : dy + guides.dy;
          scene.guides.show(guides.x, guides.y, { x: lead.x + dx, y: lead.y + dy });
        }
        for (const [one, box] of starts) scene.place(one, { x: box.x + dx, y: box.y + dy });
        if (!loose || !scene.boxes.has(id)) return;
        const { slot, head } = slotOf(now);
        this.links.lightSlot(slot, head);
      },
      up: (at) => {
        const slot = loose && scene.boxes.has(id) ? slotOf(this.flow(at)).slot : null;
        finish();
        const label = ids.length > 1 ? gettext('Moved %(number)s items', { number: ids.length }) : graph.node(id) ? gettext('Moved %(what)s',
          { what: canvas.titleOf(id) }) : gettext('Moved the note');
        const ops = canvas.actions.moves(ids);
        if (slot?.edge || slot?.source) ops.push(...attach(graph, id, slot));
        const linked = slot?.source ? gettext('Connected %(step)s to %(step_2)s', { step: canvas.titleOf(slot.source), step_2: canvas.titleOf(id) }) : label;
        canvas.perform(ops, slot?.edge ? gettext('Inserted %(step)s', { step: canvas.titleOf(id) }) : linked);
      },
      cancel: () => {
        finish();
        scene.render(); // not where it was picked up: others may have moved it meanwhile
      },
    };
  }

  /** @returns {Gesture} */
  marquee(from, adds) {
    const { canvas } = this;
    const before = adds ? [...canvas.selection] : [];
    const frame = make('div', 'marquee');
    return {
      pans: true,
      move: (at) => {
        this.markBusy();
        const [a, b] = [this.flow(from), this.flow(at)];
        const box = { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), w: Math.abs(a.x - b.x), h: Math.abs(a.y - b.y) };
        if (!frame.isConnected) canvas.scene.plane.append(frame);
        frame.style.cssText = `transform:translate(${box.x}px,${box.y}px);width:${box.w}px;height:${box.h}px;border-width:${1 / canvas.view.k}px`;
        const hit = [...canvas.scene.boxes].filter(([, other]) => view.overlaps(box, other)).map(([id]) => id);
        canvas.select([...before, ...hit]);
      },
      up: (at) => {
        frame.remove();
        if (this.near(from, at)) canvas.select(before);
        else if (canvas.selection.size) canvas.announce(gettext('%(number)s selected', { number: canvas.selection.size }));
      },
      cancel: () => {
        frame.remove();
        canvas.select(before);
      },
    };
  }

  /** @returns {Gesture} */
  resize(id, from) {
    const { canvas } = this;
    const start = { .../** @type {any} */ (canvas.scene.boxes.get(id)) };
    const box = /** @type {any} */ (canvas.scene.boxes.get(id));
    return {
      holds: new Set([id]),
      move: (at) => {
        const k = canvas.view.k;
        Object.assign(box, { w: Math.max(120, snap(start.w + (at.x - from.x) / k)), h: Math.max(48, snap(start.h + (at.y - from.y) / k)) });
        canvas.scene.touch(id);
      },
      up: () => canvas.perform([{ kind: 'update_note', noteId: id, width: Math.round(box.w), height: Math.round(box.h) }], gettext('Resized the note')),
      cancel: () => {
        Object.assign(box, start);
        canvas.scene.touch(id);
      },
    };
  }

  // ---------------------------------------------------------------- connecting

  /** A press on a port: a drag draws a line, a click waits for the second click. @returns {Gesture} */
  pressPort(source, port, from) {
    let dragged = false;
    this.links.link(source, port);
    return {
      pans: true,
      move: (at, event) => {
        dragged ||= !this.near(from, at);
        if (dragged) {
          this.markBusy();
          this.links.draw(at, event);
        }
      },
      up: (at, event) => dragged && this.links.end(event, at),
      cancel: () => this.links.unlink(),
    };
  }
}
