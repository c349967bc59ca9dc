// @ts-check
/** The two ends of a selected connection: each can be dragged to another step. Escape, or a drop on the ground, leaves it as it was. */
import { link } from './commands.js';
import { entryPoint } from './edges.js';
import { make } from './elements.js';
import { gettext } from '../texts.js';

/** @typedef {import('./viewport.js').Point} Point */

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

  /** A press where a line ends, by mouse: a drag leads the line elsewhere, a click means the card. A finger has the menu of the line.
   * @param {Point} from @param {any} event @returns {import('./gestures.js').Gesture | undefined} */
  pull(from, event) {
    const { gestures } = this;
    const { id } = event.target.closest('.node').dataset;
    const edge = event.pointerType === 'mouse' && this.endingAt(id, gestures.flow(from));
    if (!edge) return undefined;
    const press = gestures.press(id, from, event);
    /** @type {import('./gestures.js').Gesture | undefined} */
    let drag;
    return {
      pans: true,
      move: (at, now) => {
        if (!drag && !gestures.near(from, at)) drag = this.drag(edge, 'target');
        drag?.move?.(at, now);
      },
      up: (at, now) => (drag ?? press).up?.(at, now),
      cancel: () => drag?.cancel?.(),
    };
  }

  /** @param {string} id of the connection @param {'source' | 'target'} end @returns {import('./gestures.js').Gesture} */
  drag(id, end) {
    const { canvas } = this;
    const edge = /** @type {import('./graph.js').Edge} */ (canvas.graph.edges.get(id));
    const old = canvas.scene.edges.get(id)?.g;
    const { links } = this.gestures;
    old?.classList.add('leaving');
    const line = end === 'target' ? undefined : canvas.scene.lines.appendChild(make('path', 'rubber'));
    if (line) this.lightSources(edge);
    else links.link(edge.source, edge.sourceHandle);
    const finish = () => {
      old?.classList.remove('leaving');
      line?.remove();
      links.unlink();
    };
    let spot = { source: '', port: '' };
    return {
      pans: true,
      move: (at, event) => {
        canvas.classList.add('busy');
        if (line) line.setAttribute('d', this.pathTo(edge, at, (spot = this.sourceAt(edge, at, event))));
        else links.draw(at, event);
      },
      up: (at, event) => {
        const target = links.open?.target ?? '';
        const under = /** @type {any} */ (document.elementFromPoint(event.clientX, event.clientY)?.closest('.node'))?.dataset.id;
        finish();
        if (line) this.leaveFrom(edge, spot);
        else if (target) canvas.actions.connect(edge.source, edge.sourceHandle, target);
        else if (under) canvas.announce(canvas.graph.whyNot(edge.source, edge.sourceHandle, under), 'err');
        const now = canvas.graph.outgoing(spot.source || edge.source).find((one) => one.target === (target || edge.target));
        canvas.select([canvas.graph.edges.has(id) ? id : now?.id ?? '']);
      },
      cancel: finish,
    };
  }

  /** Light the steps that could lead to where the connection ends. @param {import('./graph.js').Edge} edge */
  lightSources(edge) {
    const { canvas } = this;
    canvas.classList.add('linking');
    const may = (id) => canvas.graph.ports(id).some((port) => !canvas.graph.whyNot(id, port.id, edge.target));
    for (const [id, { li }] of canvas.scene.cards) li.classList.toggle('possible', may(id));
    canvas.announce(gettext('Choose the step that should lead to %(step)s. Escape stops.', { step: canvas.titleOf(edge.target) }));
  }

  /** The way out under the pointer: the dot itself, else the open one of the card that is nearest. */
  sourceAt(edge, at, event) {
    const { canvas } = this;
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const source = /** @type {any} */ (under?.closest('.node'))?.dataset.id ?? '';
    const own = /** @type {any} */ (under?.closest('.h.out'))?.dataset.port;
    for (const [id, { li }] of canvas.scene.cards) li.classList.toggle('aimed', id === source && li.classList.contains('possible'));
    if (!source || canvas.graph.whyNot(source, own ?? canvas.graph.ports(source)[0]?.id, edge.target)) return { source: '', port: '' };
    const point = this.gestures.flow(at);
    const open = canvas.graph.openPorts(source);
    const far = (port) => Math.abs(canvas.scene.portAt(source, port.id).x - point.x);
    const [nearest] = [...(open.length ? open : canvas.graph.ports(source))].sort((a, b) => far(a) - far(b));
    return { source, port: own ?? nearest?.id ?? '' };
  }

  pathTo(edge, at, { source, port }) {
    const { scene } = this.canvas;
    const from = source ? scene.portAt(source, port) : this.gestures.flow(at);
    const to = entryPoint(/** @type {any} */ (scene.boxes.get(edge.target)));
    const bend = Math.max(24, Math.abs(to.y - from.y) / 2);
    return `M${from.x},${from.y}C${from.x},${from.y + bend} ${to.x},${to.y - bend} ${to.x},${to.y}`;
  }

  /** The connection begins at another way out; what this one led to is disconnected. */
  leaveFrom(edge, { source, port }) {
    const { canvas } = this;
    if (!source || (source === edge.source && port === edge.sourceHandle)) return;
    const before = canvas.graph.edgeAt(source, port);
    const ops = [{ kind: 'remove_edge', edgeId: edge.id }];
    if (before) ops.push({ kind: 'remove_edge', edgeId: before.id });
    canvas.perform([...ops, link(source, port, edge.target)], gettext('Connected %(step)s to %(step_2)s', { step: canvas.titleOf(source),
      step_2: canvas.titleOf(edge.target) }));
  }
}
