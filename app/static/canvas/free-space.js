// @ts-check
/** Places where nothing lies yet: for notes, pasted steps and copies. No DOM. */
import { bounds, overlaps } from './viewport.js';

/** @typedef {import('./viewport.js').Box} Box @typedef {import('./viewport.js').Point} Point */

/** What stays free around a new thing, and from one tried place to the next, in flow units. */
const AIR = 16;
const STEP = { x: 72, y: 56 };
const RINGS = 16;

/** The word and the plus below an open way out. */
export const STUB = { w: 64, h: 56 };

/** Where the open ways out of all steps have theirs. @param {import('./graph.js').Graph} graph
 * @param {{portAt: (id: string, port: string) => Point}} scene @returns {Box[]} */
export const stubs = (graph, scene) => graph.ids().flatMap((id) => graph.openPorts(id).map((port) => {
  const { x, y } = scene.portAt(id, port.id);
  return { x: x - STUB.w / 2, y, ...STUB };
}));

/** Offsets from a place, the nearest first; right and below before left and above. @type {Point[]} */
const OFFSETS = [];
for (let i = -RINGS; i <= RINGS; i += 1) for (let j = -RINGS; j <= RINGS; j += 1) OFFSETS.push({ x: i * STEP.x, y: j * STEP.y });
const cost = ({ x, y }) => Math.hypot(x, y) + (x < 0 ? 40 : 0) + (y < 0 ? 60 : 0);
OFFSETS.sort((a, b) => cost(a) - cost(b));

/**
 * How far to move `parts` so that none of them lies on any of `boxes`; to the right of everything when the neighbourhood is full.
 * @param {Box[]} boxes what is there @param {Box[]} parts where they would like to be @returns {Point}
 */
export function freeShift(boxes, parts) {
  const all = bounds(parts);
  if (!all) return { x: 0, y: 0 };
  const wide = ({ x, y, w, h }, by) => ({ x: x + by.x - AIR, y: y + by.y - AIR, w: w + 2 * AIR, h: h + 2 * AIR });
  const free = (by) => {
    const near = boxes.filter((box) => overlaps(box, wide(all, by)));
    return !near.some((box) => parts.some((part) => overlaps(box, wide(part, by))));
  };
  const nearest = OFFSETS.find(free);
  if (nearest) return { ...nearest };
  const taken = /** @type {Box} */ (bounds(boxes));
  return { x: taken.x + taken.w + 2 * AIR - all.x, y: 0 };
}
