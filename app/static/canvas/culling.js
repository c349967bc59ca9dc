// @ts-check
/**
 * Which cards and lines the browser lays out and paints, where there are very many: those in sight and in a margin around it. Looked at
 * again when the margin is used up, not in each frame. A card that was never shown has no ports yet: they are most of what a card costs.
 */
import * as view from './viewport.js';

/** @typedef {import('./viewport.js').Box} Box */

/** Pixels around what is in sight that are shown, and how many must be left of them. */
const MARGIN = 160;
const LEAST = 40;
/** Zoomed in by so much, most of what is shown is out of sight. */
const TOO_MUCH = 1.6;

export class Culling {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas @param {import('./scene.js').Scene} scene */
  constructor(canvas, scene) {
    this.canvas = canvas;
    this.scene = scene;
    /** Cards out of sight. @type {Set<string>} */
    this.out = new Set();
    /** The part of the plane whose cards are shown, and at which zoom; null: it has to be looked at. @type {(Box & {k: number}) | null} */
    this.shown = null;
    /** How often all cards were looked at. */
    this.passes = 0;
  }

  /** Where very many come at once, as by a paste, the graph has them before the first card is there. */
  get needed() {
    return Math.max(this.scene.cards.size, this.canvas.graph.nodes.size) > view.CULL_ABOVE && !this.canvas.outline;
  }

  /** Where there are very many, cards come hidden, until it is known what is in sight. @param {string[]} ids */
  begin(...ids) {
    const { needed } = this;
    for (const id of ids) {
      const { li } = /** @type {any} */ (this.scene.cards.get(id));
      if (needed) this.out.add(id);
      li.classList.toggle('out', needed);
    }
  }

  /** Before a frame. @param {Set<string>} moved cards that were placed elsewhere */
  update(moved) {
    if (!this.needed) {
      if (this.out.size) for (const id of [...this.out]) this.show(id);
      this.shown = null;
      return;
    }
    if (this.scene.farMap?.wanted) {
      this.shown = null; // they are a picture now
      return;
    }
    const { size } = this.scene;
    const { k } = this.canvas.view;
    const stale = !this.shown || k > TOO_MUCH * this.shown.k || !view.contains(this.shown, view.sight(this.canvas.view, size, LEAST));
    if (!stale) return this.sort(moved);
    this.passes += 1;
    this.shown = { ...view.sight(this.canvas.view, size, MARGIN), k };
    this.sort(this.scene.cards.keys());
  }

  /** Show or hide these cards and what leads to and from them; the one with the focus, and that which Tab comes to, always stay.
   * @param {Iterable<string>} ids */
  sort(ids) {
    const { boxes, cards } = this.scene;
    const focused = /** @type {any} */ (document.activeElement?.closest('flow-canvas .node'))?.dataset.id;
    const turned = [];
    for (const id of ids) {
      const box = boxes.get(id);
      if (!box || !cards.has(id)) continue;
      const out = id !== focused && id !== this.canvas.current && !view.overlaps(box, /** @type {Box} */ (this.shown));
      if (out === this.out.has(id)) continue;
      this.out[out ? 'add' : 'delete'](id);
      turned.push(id);
    }
    for (const id of turned) this.turn(id);
  }

  /** It is there, wherever it lies: somebody goes to it. @param {string} id */
  show(id) {
    if (this.out.delete(id)) this.turn(id);
  }

  /** @param {string} id */
  turn(id) {
    const { graph } = this.canvas;
    const { scene } = this;
    const entry = scene.cards.get(id);
    if (!entry) return;
    const out = this.out.has(id);
    entry.li.classList.toggle('out', out); // a class: after each change of `hidden` the browser asks every rule with :has() again
    if (!out) {
      scene.ports(id);
      scene.leaveWords(entry.card);
      this.canvas.overlay?.badge(id);
    }
    for (const edge of [...graph.outgoing(id), ...graph.incoming(id)]) this.turnEdge(edge);
  }

  /** A line is shown when one of its ends is. @param {import('./graph.js').Edge} edge */
  turnEdge(edge) {
    const parts = this.scene.edges.get(edge.id);
    if (!parts) return;
    const out = this.out.has(edge.source) && this.out.has(edge.target);
    if (parts.out === out) return;
    parts.out = out;
    for (const part of [parts.g, parts.label, parts.ribbon]) part.style.display = out ? 'none' : '';
    if (!out && this.scene.boxes.has(edge.target)) this.scene.routeEdge(edge.id);
  }

  /** What is no more is not out of sight. @param {string} id */
  forget(id) {
    this.out.delete(id);
  }
}
