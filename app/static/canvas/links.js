// @ts-check
/** Lines and places: connecting a port to a step, where a dropped step would go, and the plus on an edge. */
import { WIDTH, snap } from './commands.js';
import { entryPoint, nearest } from './edges.js';
import { Reconnection } from './reconnection.js';
import { make } from './elements.js';
import { gettext } from '../texts.js';

/** @typedef {import('./viewport.js').Point} Point @typedef {import('./commands.js').Slot} Slot */

const ON_EDGE = 28;
const NEAR_PORT = 48;
/** How far below an open way out, and how far beside it, the top of a dropped card may be and is still connected: the plus and the height of a card. */
const BELOW = 128;
const BESIDE = WIDTH * 0.6;

export class Links {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas @param {import('./gestures.js').Gestures} gestures */
  constructor(canvas, gestures) {
    this.canvas = canvas;
    this.gestures = gestures;
    /** The connection being made. @type {{source: string, port: string, line: any, target: string} | null} */
    this.open = null;
    /** The place that is lit now: a connection, or a way out; '' for none. */
    this.place = '';
    /** The plus on the edge under the pointer. @type {HTMLElement | undefined} */
    this.button = undefined;
    this.reconnection = new Reconnection(canvas, gestures);
  }

  /** Begin to connect a port; targets that are possible light up. */
  link(source, port) {
    const { canvas } = this;
    this.unlink();
    const line = make('path', 'rubber');
    canvas.scene.lines.append(line);
    this.open = { source, port, line, target: '' };
    canvas.classList.add('linking');
    for (const [id, { li }] of canvas.scene.cards) li.classList.toggle('possible', !canvas.graph.whyNot(source, port, id));
    this.draw(this.gestures.last, null);
    canvas.announce(gettext('Choose the step that %(step)s should lead to. Escape stops.', { step: canvas.titleOf(source) }));
  }

  unlink() {
    this.open?.line.remove();
    this.open = null;
    this.canvas.classList.remove('linking');
    for (const { li } of this.canvas.scene.cards.values()) li.classList.remove('possible', 'aimed');
  }

  /** The mouse moves and holds nothing: a line that was begun follows it, and one that can be taken by its beginning says so. */
  hovered(at, event) {
    this.canvas.classList.toggle('by-end', !this.open && !!this.reconnection.begunAt(event));
    if (this.open) this.draw(at, event);
  }

  /** Draw the line to the pointer, or to the step that the keyboard chose. */
  draw(at, event, chosen = '') {
    const { canvas, open: linking } = this;
    if (!linking) return;
    const from = canvas.scene.portAt(linking.source, linking.port);
    const element = event ? document.elementFromPoint(event.clientX, event.clientY)?.closest('.node') : null;
    this.aim(/** @type {any} */ (element)?.dataset.id ?? chosen);
    const box = canvas.scene.boxes.get(linking.target);
    const to = box ? entryPoint(box) : event ? this.gestures.flow(at) : from;
    const bend = Math.max(24, Math.abs(to.y - from.y) / 2);
    linking.line.setAttribute('d', `M${from.x},${from.y}C${from.x},${from.y + bend} ${to.x},${to.y - bend} ${to.x},${to.y}`);
  }

  /** Mark the step that the line would go to, if it may. */
  aim(id) {
    const { canvas, open: linking } = this;
    if (!linking) return;
    const target = canvas.scene.cards.get(id)?.li.classList.contains('possible') ? id : '';
    if (target === linking.target) return;
    canvas.scene.cards.get(linking.target)?.li.classList.remove('aimed');
    canvas.scene.cards.get(target)?.li.classList.add('aimed');
    linking.target = target;
  }

  end(event, at = this.gestures.at(event)) {
    const { canvas } = this;
    this.draw(at, event);
    const { source, port, target } = /** @type {any} */ (this.open);
    const element = document.elementFromPoint(event.clientX, event.clientY);
    const card = /** @type {any} */ (element?.closest('.node'));
    if (canvas.keyboard.mode === 'connect') canvas.keyboard.leave(true);
    this.unlink();
    if (target) return canvas.actions.connect(source, port, target);
    if (card && card.dataset.id !== source) return canvas.announce(canvas.graph.whyNot(source, port, card.dataset.id), 'err');
    if (element && !card && canvas.contains(element) && !canvas.graph.edgeAt(source, port)) {
      const spot = this.gestures.flow(at);
      return canvas.palette.open({ source, port, at: { x: spot.x - WIDTH / 2, y: spot.y } }, at);
    }
    return undefined;
  }

  // ---------------------------------------------------------------- slots for new steps

  /**
   * Where a step dropped here would go. Edges and ports are looked for in flow coordinates, so every zoom behaves the same.
   * @param {import('./viewport.js').Point} point of the pointer @param {string} type
   * @param {{head?: import('./viewport.js').Point, edges?: boolean, open?: ReturnType<Links['openWays']>}} [card] `head`: the middle of its top
   */
  slotAt(point, type, { head = { x: point.x, y: point.y - 33 }, edges = true, open = this.openWays() } = {}) {
    const { graph, scene, view: now } = this.canvas;
    const unlinked = /** @type {Slot} */ ({ at: { x: snap(point.x - WIDTH / 2), y: snap(point.y - 33) } });
    if (graph.types[type]?.trigger) return unlinked;
    const passes = edges && graph.types[type]?.ports.length > 0;
    const edge = passes ? nearest(point, scene.routes, ON_EDGE / now.k) : '';
    if (edge) return /** @type {Slot} */ ({ edge });
    if (graph.types[type]?.takesEdges === false) return unlinked;
    /** @type {any} */
    let best = null;
    for (const { source, port, at } of open) {
      const near = Math.hypot(point.x - at.x, point.y - at.y - 20) < NEAR_PORT / Math.min(1, now.k);
      const below = head.y > at.y - 24 && head.y < at.y + BELOW && Math.abs(head.x - at.x) < BESIDE;
      const far = Math.hypot(head.x - at.x, head.y - at.y - 20) - (near ? 1000 : 0);
      if ((near || below) && far < (best?.far ?? Infinity)) best = { far, source, port };
    }
    return /** @type {Slot} */ (best ? { source: best.source, port: best.port } : unlinked);
  }

  /** Ways out that lead nowhere, and where they are: read once for a whole drag. @param {Set<string>} [but] steps that it may not follow */
  openWays(but) {
    const { graph, scene } = this.canvas;
    const open = (id) => graph.openPorts(id).map((port) => ({ source: id, port: port.id, at: scene.portAt(id, port.id) }));
    return graph.ids().filter((id) => !but?.has(id)).flatMap(open);
  }

  /** Light every place where a step of this type may go; '' puts the lights out. */
  showSlots(type) {
    const { canvas } = this;
    canvas.classList.toggle('placing', !!type);
    const presentation = canvas.graph.types[type];
    const passes = presentation?.ports.length > 0 && !presentation.trigger;
    for (const old of canvas.querySelectorAll('.slot')) old.remove();
    if (!passes) return;
    for (const id of canvas.scene.routes.keys()) {
      const { x, y } = this.spotOf(id);
      canvas.scene.lines.append(make('circle', 'slot', { cx: String(x), cy: String(y), r: '6', 'data-slot': id }));
    }
  }

  /** @param {Slot | null} slot @param {import('./viewport.js').Point} [head] where the top of the card is that is being brought */
  lightSlot(slot, head) {
    const { canvas } = this;
    const place = slot?.edge ? `edge ${slot.edge}` : slot?.source ? `${slot.source} ${slot.port}` : '';
    if (place !== this.place) {
      this.place = place;
      for (const lit of canvas.querySelectorAll('.lit')) lit.classList.remove('lit');
      const plus = slot?.source && canvas.scene.cards.get(slot.source)?.li.querySelector(`.plus[data-port="${CSS.escape(slot.port ?? '')}"]`);
      const dot = slot?.edge && canvas.querySelector(`[data-slot="${CSS.escape(slot.edge)}"]`);
      for (const part of [slot?.edge && canvas.scene.edges.get(slot.edge)?.g, plus, dot]) if (part) part.classList.add('lit');
    }
    if (slot?.source && head) return this.drawGhost(canvas.scene.portAt(slot.source, slot.port ?? 'next'), head);
    return this.ghost?.remove();
  }

  /** The line that a drop would make. */
  drawGhost(from, to) {
    const bend = Math.max(16, Math.abs(to.y - from.y) / 2);
    const d = `M${from.x},${from.y}C${from.x},${from.y + bend} ${to.x},${to.y - bend} ${to.x},${to.y}`;
    this.ghost ??= make('path', 'rubber ghost');
    this.ghost.setAttribute('d', d);
    if (!this.ghost.isConnected) this.canvas.scene.lines.append(this.ghost);
  }

  // ---------------------------------------------------------------- the plus on an edge

  /** A place on a connection that no word lies over. @param {string} id */
  spotOf(id) {
    const { scene } = this.canvas;
    const { points, middle } = /** @type {any} */ (scene.routes.get(id));
    const label = scene.edges.get(id)?.label;
    const end = points.at(-1);
    return label && !label.classList.contains('plain') ? { x: end.x, y: (end.y + points.at(-2).y) / 2 } : middle;
  }

  /** One plus that goes to the edge under the pointer. @param {Element} target */
  hover(target) {
    const { canvas } = this;
    const edge = /** @type {any} */ (target.closest('[data-edge]'))?.dataset.edge;
    if (target.closest('.ins, .end') || this.gestures.gesture) return;
    const show = canvas.editable && edge && !this.open && !this.gestures.gesture;
    this.button ??= this.makeButton();
    this.button.hidden = !show;
    if (!show) return;
    const spot = this.spotOf(edge);
    const graph = canvas.graph.edges.get(edge);
    this.button.dataset.edge = edge;
    this.button.setAttribute('aria-label', gettext('Add a step between %(title)s and %(step)s', {
      title: canvas.titleOf(graph?.source ?? ''), step: canvas.titleOf(graph?.target ?? ''),
    }));
    this.button.style.transform = `translate(${spot.x}px,${spot.y}px) translate(-50%,-50%)`;
  }

  /** Ask for the step behind a plus, of an edge or of an open port. @param {any} button */
  plus(button) {
    const { palette } = this.canvas;
    if (button.matches('.ins')) return this.canvas.graph.edges.has(button.dataset.edge) && palette.open({ edge: button.dataset.edge });
    const source = button.dataset.source ?? button.closest('.node').dataset.id;
    const edge = this.canvas.graph.edgeAt(source, button.dataset.port);
    return palette.open(edge ? { edge: edge.id } : { source, port: button.dataset.port });
  }

  makeButton() {
    const button = make('button', 'ins', { type: 'button', tabindex: '-1' });
    button.append(this.canvas.icon('plus'));
    this.canvas.scene.marks.append(button);
    return button;
  }
}
