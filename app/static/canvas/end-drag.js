// @ts-check
/** One end of a connection on its way to another step. Escape, or a drop on the ground, leaves the connection as it was. */
import { link } from './commands.js';
import { entryPoint } from './edges.js';
import { make } from './elements.js';
import { gettext } from '../texts.js';

/** @typedef {import('./flow-canvas.js').FlowCanvas} FlowCanvas @typedef {import('./graph.js').Edge} Edge */
/** @typedef {{source: string, port: string}} Spot */

/** @param {FlowCanvas} canvas @param {string} id of the connection @param {'source' | 'target'} end @returns {import('./gestures.js').Gesture} */
export function dragEnd(canvas, id, end) {
  const edge = /** @type {Edge} */ (canvas.graph.edges.get(id));
  const old = canvas.scene.edges.get(id)?.g;
  const { links } = canvas.gestures;
  old?.classList.add('leaving');
  const line = end === 'target' ? undefined : canvas.scene.lines.appendChild(make('path', 'rubber'));
  if (line) lightSources(canvas, edge);
  else links.link(edge.source, edge.sourceHandle);
  const finish = () => {
    old?.classList.remove('leaving');
    line?.remove();
    links.unlink();
  };
  /** @type {Spot} */
  let spot = { source: '', port: '' };
  return {
    move: (at, event) => {
      canvas.classList.add('busy');
      if (line) line.setAttribute('d', pathTo(canvas, edge, at, (spot = sourceAt(canvas, edge, at, event))));
      else links.draw(at, event);
    },
    up: (at, event) => {
      const target = links.open?.target ?? '';
      const under = /** @type {any} */ (document.elementFromPoint(event.clientX, event.clientY)?.closest('.node'))?.dataset.id;
      finish();
      if (line) leaveFrom(canvas, edge, spot);
      else if (target) canvas.actions.connect(edge.source, edge.sourceHandle, target);
      else if (under) canvas.announce(canvas.graph.whyNot(edge.source, edge.sourceHandle, under), 'err');
      const now = canvas.graph.outgoing(spot.source || edge.source).find((one) => one.target === (target || edge.target));
      canvas.select([canvas.graph.edges.has(id) ? id : now?.id ?? '']);
    },
    cancel: finish,
  };
}

/** Light the steps that could lead to where the connection ends. @param {FlowCanvas} canvas @param {Edge} edge */
function lightSources(canvas, edge) {
  canvas.classList.add('linking');
  const may = (id) => canvas.graph.ports(id).some((port) => !canvas.graph.whyNot(id, port.id, edge.target));
  for (const [id, { li }] of canvas.scene.cards) li.classList.toggle('possible', may(id));
  canvas.announce(gettext('Choose the step that should lead to %(step)s. Escape stops.', { step: canvas.titleOf(edge.target) }));
}

/** The way out under the pointer: the dot itself, else the open one of the card that is nearest.
 * @param {FlowCanvas} canvas @param {Edge} edge @returns {Spot} */
function sourceAt(canvas, edge, at, event) {
  const under = document.elementFromPoint(event.clientX, event.clientY);
  const source = /** @type {any} */ (under?.closest('.node'))?.dataset.id ?? '';
  const own = /** @type {any} */ (under?.closest('.h.out'))?.dataset.port;
  for (const [id, { li }] of canvas.scene.cards) li.classList.toggle('aimed', id === source && li.classList.contains('possible'));
  if (!source || canvas.graph.whyNot(source, own ?? canvas.graph.ports(source)[0]?.id, edge.target)) return { source: '', port: '' };
  const point = canvas.gestures.flow(at);
  const open = canvas.graph.openPorts(source);
  const far = (port) => Math.abs(canvas.scene.portAt(source, port.id).x - point.x);
  const [nearest] = [...(open.length ? open : canvas.graph.ports(source))].sort((a, b) => far(a) - far(b));
  return { source, port: own ?? nearest?.id ?? '' };
}

/** @param {FlowCanvas} canvas @param {Edge} edge @param {Spot} spot */
function pathTo(canvas, edge, at, { source, port }) {
  const { scene } = canvas;
  const from = source ? scene.portAt(source, port) : canvas.gestures.flow(at);
  const to = entryPoint(/** @type {any} */ (scene.boxes.get(edge.target)));
  const bend = Math.max(24, Math.abs(to.y - from.y) / 2);
  return `M${from.x},${from.y}C${from.x},${from.y + bend} ${to.x},${to.y - bend} ${to.x},${to.y}`;
}

/** The connection begins at another way out; what this one led to is disconnected. @param {FlowCanvas} canvas @param {Edge} edge @param {Spot} spot */
function leaveFrom(canvas, edge, { source, port }) {
  if (!source || (source === edge.source && port === edge.sourceHandle)) return;
  const before = canvas.graph.edgeAt(source, port);
  const ops = [{ kind: 'remove_edge', edgeId: edge.id }];
  if (before) ops.push({ kind: 'remove_edge', edgeId: before.id });
  canvas.perform([...ops, link(source, port, edge.target)], gettext('Connected %(step)s to %(step_2)s', { step: canvas.titleOf(source),
    step_2: canvas.titleOf(edge.target) }));
}
