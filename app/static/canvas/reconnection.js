// @ts-check
/** The two ends of a connection: each can be dragged to another step, of a line that is selected by its marks, of others where they begin and end. */
import { make } from './elements.js';
import { later } from './later.js';

/** @typedef {import('./viewport.js').Point} Point @typedef {import('./gestures.js').Gesture} Gesture */

const dragPart = later(() => import('./end-drag.js'));
/** How far the dot of a port reaches, and how far below it, on the screen, a line is taken by its beginning. */
const DOT = 16;
const BEGINNING = 14;

export class Reconnection {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas @param {import('./gestures.js').Gestures} gestures */
  constructor(canvas, gestures) {
    this.canvas = canvas;
    this.gestures = gestures;
    this.ends = ['source', 'target'].map((end) => make('span', 'end', { 'data-end': end, hidden: '' }));
    canvas.scene.marks.append(...this.ends);
    canvas.addEventListener('wf:select', () => this.follow());
    canvas.addEventListener('wf:mode', () => this.follow());
  }

  /** The one selected connection. */
  get chosen() {
    const [only, more] = this.canvas.selection;
    return !more && this.canvas.editable ? this.canvas.graph.edges.get(only) : undefined;
  }

  /** The line that ends at a step: the selected one, else the one that comes from where the pointer is. @param {string} id @param {Point} point */
  endingAt(id, point) {
    const { graph, scene } = this.canvas;
    const lines = graph.incoming(id).map((edge) => edge.id);
    const far = (line) => {
      const before = scene.routes.get(line)?.points.at(-2) ?? point;
      return Math.hypot(before.x - point.x, before.y - point.y);
    };
    return lines.find((line) => line === this.chosen?.id) ?? lines.sort((a, b) => far(a) - far(b))[0];
  }

  /** Put the ends where the selected connection has them. */
  follow() {
    const edge = this.chosen;
    const points = this.canvas.scene.routes.get(edge?.id ?? '')?.points;
    for (const end of this.ends) {
      end.hidden = !points;
      const at = end.dataset.end === 'source' ? points?.[0] : points?.at(-1);
      if (!edge || !at) continue;
      end.dataset.edge = edge.id;
      end.style.transform = `translate(${at.x}px,${at.y}px) translate(-50%,-50%)`;
    }
  }

  /** The line that the mouse has by its beginning; the dot of the port above begins a new one. @param {any} event */
  begunAt(event) {
    const { canvas, gestures } = this;
    const id = canvas.editable && event.pointerType === 'mouse' && event.target.closest('[data-edge]')?.dataset.edge;
    const from = id && canvas.scene.routes.get(id)?.points[0];
    const at = from && gestures.flow(gestures.at(event));
    return at && Math.hypot(at.x - from.x, at.y - from.y) < DOT + BEGINNING / canvas.view.k ? id : '';
  }

  /** A press on an end: a drag leads the line elsewhere, a click means the card or the line. A finger has the marks, and the menu of the line.
   * @param {Point} from @param {any} event @returns {Gesture | undefined} */
  press(from, event) {
    const { gestures, canvas } = this;
    const { edge, end } = event.target.closest('.end')?.dataset ?? {};
    if (end) return this.pull(from, edge, end);
    const id = event.pointerType === 'mouse' && event.target.closest('.h.in')?.closest('.node').dataset.id;
    const line = id && this.endingAt(id, gestures.flow(from));
    if (line) return this.pull(from, line, 'target', gestures.press(id, from, event));
    const begun = this.begunAt(event);
    return begun ? this.pull(from, begun, 'source', { up: () => canvas.select([begun]) }) : undefined;
  }

  /** @param {Point} from @param {string} edge @param {'source' | 'target'} end @param {Gesture} [press] what it is while nothing moves */
  pull(from, edge, end, press) {
    const { canvas, gestures } = this;
    /** @type {Gesture | undefined} */
    let drag;
    let moved = false;
    /** @type {Gesture} */
    const gesture = {
      pans: true,
      move: (at, now) => {
        if (!moved && !gestures.near(from, at)) {
          moved = true;
          canvas.using(dragPart, ({ dragEnd }) => gestures.gesture === gesture && (drag = dragEnd(canvas, edge, end)));
        }
        drag?.move?.(at, now);
      },
      up: (at, now) => (moved ? drag : press)?.up?.(at, now),
      cancel: () => drag?.cancel?.(),
    };
    return gesture;
  }
}
