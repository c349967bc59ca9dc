// @ts-check
/** Verbs of the outline that a mouse does by dragging: lead a way out to another step, put a step elsewhere. Each is one choice of a list. */
import { connect, link, placeBehind } from './commands.js';
import { make } from './elements.js';
import { gettext } from '../texts.js';

/** @typedef {import('./flow-canvas.js').FlowCanvas} Canvas @typedef {import('./graph.js').Graph} Graph @typedef {import('./graph.js').Op} Op */
/** @typedef {{source: string, port: string}} Way */

/** A line of the menu. @param {string} value @param {string} words */
function option(value, words) {
  const html = make('div');
  const line = make('span', 'tx');
  line.textContent = words;
  html.append(line);
  return { value, title: words.toLowerCase(), keywords: '', html, off: false };
}

/** @param {Canvas} canvas @param {string} title @param {{value: string, words: string}[]} choices @returns {Promise<string>} never comes when it is left */
function choose(canvas, title, choices) {
  return new Promise((resolve) => canvas.palette.withMenu((menu) => {
    menu.ask(title, choices.map(({ value, words }) => option(value, words)), resolve, { x: canvas.scene.size.w / 2, y: 80 });
  }));
}

/** May this step be taken out of its place as a whole: does it lead nowhere, or on by one way? @param {Graph} graph @param {string} id */
export function movable(graph, id) {
  return graph.nodes.has(id) && graph.outgoing(id).length < 2 && graph.ports(id).length < 2;
}

/** The ways out behind which a step could stand that stands elsewhere now. @param {Graph} graph @param {string} id @returns {Way[]} */
export function placesFor(graph, id) {
  const ends = !graph.ports(id).length;
  return graph.order().filter((other) => other !== id).flatMap((source) => graph.ports(source).map(({ id: port }) => ({ source, port })))
    .filter(({ source, port }) => {
      const edge = graph.edgeAt(source, port);
      return edge?.target !== id && !(ends && edge);
    });
}

/**
 * Take a step out of its place, heal what led through it, and put it behind a way out. Pure.
 * @param {Graph} graph @param {string} id @param {Way} way @returns {Op[]}
 */
export function movedTo(graph, id, { source, port }) {
  const work = graph.copy();
  /** @type {Op[]} */
  const ops = [];
  const step = (/** @type {Op} */ op) => {
    work.apply(op);
    ops.push(op);
  };
  const [out] = work.outgoing(id);
  const before = work.incoming(id);
  for (const edge of [...before, ...(out ? [out] : [])]) step({ kind: 'remove_edge', edgeId: edge.id });
  for (const edge of before) {
    if (out && !work.whyNot(edge.source, edge.sourceHandle, out.target)) step(link(edge.source, edge.sourceHandle, out.target));
  }
  const there = work.edgeAt(source, port);
  if (there) step({ kind: 'remove_edge', edgeId: there.id });
  step({ kind: 'move_node', nodeId: id, position: placeBehind(work, source, port) });
  step(link(source, port, id));
  const [through] = work.ports(id);
  if (there && through) step(link(id, through.id, there.target));
  return ops;
}

/** A way out in words. @param {Canvas} canvas @param {Way} way */
function wordsOf(canvas, { source, port }) {
  const { graph } = canvas;
  const label = graph.ports(source).find((one) => one.id === port)?.label;
  const title = canvas.titleOf(source);
  const after = label ? gettext('%(label)s, after %(title)s', { label, title }) : gettext('After %(title)s', { title });
  const next = graph.edgeAt(source, port)?.target;
  return next ? `${after} → ${canvas.titleOf(next)}` : after;
}

/** Ask where a step should stand. @param {Canvas} canvas @param {string} id */
export async function moveStep(canvas, id) {
  const places = placesFor(canvas.graph, id);
  const title = gettext('Move %(step)s', { step: canvas.titleOf(id) });
  const at = await choose(canvas, title, places.map((way, index) => ({ value: String(index), words: wordsOf(canvas, way) })));
  canvas.actions.try(() => canvas.perform(movedTo(canvas.graph, id, places[Number(at)]), gettext('Moved %(step)s', { step: canvas.titleOf(id) }),
    { select: [id] }));
  canvas.focusOn(id);
}

/** Ask where a way out of a step should lead. @param {Canvas} canvas @param {string} id */
export async function leadTo(canvas, id) {
  const { graph } = canvas;
  const ports = graph.ports(id);
  const port = ports.length > 1
    ? await choose(canvas, gettext('Which branch?'), ports.map((one) => ({ value: one.id, words: wordsOf(canvas, { source: id, port: one.id }) })))
    : ports[0].id;
  const targets = graph.order().filter((other) => other !== id && !graph.whyNot(id, port, other));
  if (!targets.length) return canvas.announce(gettext('There is no step that it could lead to.'), 'err');
  const target = await choose(canvas, gettext('Connect to…'), targets.map((value) => ({ value, words: canvas.titleOf(value) })));
  canvas.actions.try(() => canvas.perform(connect(graph, id, port, target), gettext('Connected %(from)s to %(to)s', { from: canvas.titleOf(id),
    to: canvas.titleOf(target) }), { select: [id] }));
  return canvas.focusOn(id);
}
