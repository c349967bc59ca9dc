// @ts-check
/** Edge geometry in flow coordinates: orthogonal rounded routes, where the label sits, how far a point is. No DOM. */

/** @typedef {{x: number, y: number}} Point @typedef {{x: number, y: number, w: number, h: number}} Box */
/** @typedef {{d: string, points: Point[], label: Point, middle: Point}} Route */

const RADIUS = 12;
/** Straight piece that leaves or enters a step, before the first corner. */
const STUB = 36;
/** Steps side by side are passed in the gap between columns. */
const AROUND = 24;

/** Where port `index` of `count` leaves the box: one in the middle, two at 30 and 70 %. @param {Box} box */
export function portPoint(box, index, count) {
  const share = count < 2 ? 0.5 : 0.3 + (0.4 * index) / (count - 1);
  const spread = count > 3 ? (index + 0.5) / count : share;
  return { x: box.x + box.w * spread, y: box.y + box.h };
}

/** @param {Box} box */
export const entryPoint = (box) => ({ x: box.x + box.w / 2, y: box.y });

/**
 * The way from a port to the top of a step. @param {Point} from @param {Point} to
 * @param {boolean} branch turn near the source (arms of a branch) or near the target (merging paths)
 * @returns {Route}
 */
export function route(from, to, branch = false) {
  /** @type {Point[]} */
  let points;
  const gap = to.y - from.y;
  if (Math.abs(to.x - from.x) < 1 && gap > 0) {
    points = [from, to];
  } else if (gap >= AROUND) {
    const turn = gap < 2 * STUB ? from.y + gap / 2 : branch ? from.y + STUB : to.y - STUB;
    points = [from, { x: from.x, y: turn }, { x: to.x, y: turn }, to];
  } else {
    const side = Math.abs(to.x - from.x) > 200 ? (from.x + to.x) / 2 : Math.max(from.x, to.x) + 160;
    points = [from, { x: from.x, y: from.y + AROUND }, { x: side, y: from.y + AROUND }, { x: side, y: to.y - AROUND }, { x: to.x, y: to.y - AROUND }, to];
  }
  const middle = midway(points);
  const wide = points.length === 4 && Math.abs(to.x - from.x) > 2 * RADIUS;
  const label = wide ? { x: (from.x + to.x) / 2, y: points[1].y } : points.length === 4 ? { x: from.x, y: points[1].y } : middle;
  return { d: path(points), points, label, middle };
}

/** Height of a word with what is free below it, and how far below its port the first one stands. */
const WORD = 22;
const FIRST_WORD = 14;

/**
 * The way of one of several lines from a step to the same card: they stay apart down to the card, and each has its word on its own line,
 * lower than that of the line before, so that none covers another. @param {Point} from @param {Point} to @param {number} place from the left
 * @returns {Route}
 */
export function fan(from, to, place) {
  const way = route(from, to);
  if (to.y - from.y < AROUND) return way;
  const room = way.points[1].y - from.y;
  return { ...way, label: { x: from.x, y: from.y + Math.min(room, FIRST_WORD + WORD * (place % 3)) } };
}

/** SVG path of a polyline with rounded corners. @param {Point[]} points */
export function path(points) {
  let d = `M${points[0].x},${points[0].y}`;
  for (let i = 1; i < points.length - 1; i++) {
    const [a, b, c] = [points[i - 1], points[i], points[i + 1]];
    const r = Math.min(RADIUS, length(a, b) / 2, length(b, c) / 2);
    const before = toward(b, a, r);
    const after = toward(b, c, r);
    d += `L${round(before.x)},${round(before.y)}Q${round(b.x)},${round(b.y)} ${round(after.x)},${round(after.y)}`;
  }
  const end = points[points.length - 1];
  return `${d}L${round(end.x)},${round(end.y)}`;
}

const round = (value) => Math.round(value * 10) / 10;
const length = (a, b) => Math.hypot(b.x - a.x, b.y - a.y);
const toward = (from, to, by) => {
  const all = length(from, to) || 1;
  return { x: from.x + ((to.x - from.x) / all) * by, y: from.y + ((to.y - from.y) / all) * by };
};

/** The point half-way along. @param {Point[]} points */
function midway(points) {
  let remaining = 0;
  for (let i = 1; i < points.length; i++) remaining += length(points[i - 1], points[i]);
  remaining /= 2;
  for (let i = 1; i < points.length; i++) {
    const piece = length(points[i - 1], points[i]);
    if (piece >= remaining) return toward(points[i - 1], points[i], remaining);
    remaining -= piece;
  }
  return points[0];
}

/** Distance of a point to a polyline. @param {Point} point @param {Point[]} points */
export function distance(point, points) {
  let best = Infinity;
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]];
    const squared = (b.x - a.x) ** 2 + (b.y - a.y) ** 2;
    const share = squared ? Math.min(1, Math.max(0, ((point.x - a.x) * (b.x - a.x) + (point.y - a.y) * (b.y - a.y)) / squared)) : 0;
    best = Math.min(best, Math.hypot(point.x - a.x - share * (b.x - a.x), point.y - a.y - share * (b.y - a.y)));
  }
  return best;
}

/** The edge nearest to a point within `reach`, all in flow coordinates. @param {Map<string, Route>} routes */
export function nearest(point, routes, reach, allowed = (/** @type {string} */ _id) => true) {
  let closest = '';
  let best = reach;
  for (const [id, way] of routes) {
    const far = distance(point, way.points);
    if (far <= best && allowed(id)) [best, closest] = [far, id];
  }
  return closest;
}

/** Ribbon width for `count` of `most` people: area follows volume, so the root. */
export const ribbon = (count, most) => (count ? 3 + Math.sqrt(count / Math.max(1, most)) * 24 : 0);
