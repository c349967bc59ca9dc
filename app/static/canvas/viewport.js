// @ts-check
/** Where the camera is: transform, zoom about a point, fit, screen to flow, culling, snapping guides, minimap. No DOM. */

/** @typedef {{x: number, y: number}} Point @typedef {{x: number, y: number, w: number, h: number}} Box @typedef {{x: number, y: number, k: number}} View */

export const MIN = 0.1;
export const MAX = 2;
/** Width of the form at the right. */
const PANEL = 356;
/** Below this zoom cards show no text and no shadow: raster cost, not script, decides the frame rate. */
export const FAR = 0.35;
/** The same where there are more than CULL_ABOVE: one picture stands for all of them then, with icons and names. */
export const FAR_WITH_MANY = 0.5;
/** Up to here every card stays in the page, so screen readers and the browser's own search find it. */
export const CULL_ABOVE = 150;

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** @param {View} view @param {Point} screen relative to the canvas */
export const toFlow = (view, screen) => ({ x: (screen.x - view.x) / view.k, y: (screen.y - view.y) / view.k });
/** @param {View} view @param {Point} flow */
export const toScreen = (view, flow) => ({ x: flow.x * view.k + view.x, y: flow.y * view.k + view.y });

/** Zoom by `factor` so that what is under `at` stays there. @param {View} view @param {Point} at @returns {View} */
export function zoomAt(view, factor, at) {
  const k = clamp(view.k * factor, MIN, MAX);
  const by = k / view.k;
  return { k, x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by };
}

/** A wheel event as pixels; lines and pages are made pixels, one turn is limited. */
export function wheelPixels({ deltaX, deltaY, deltaMode }) {
  const unit = deltaMode === 1 ? 16 : deltaMode === 2 ? 400 : 1;
  return { x: clamp(deltaX * unit, -240, 240), y: clamp(deltaY * unit, -240, 240) };
}
/** How much one wheel turn zooms. */
export const wheelFactor = (pixels) => Math.exp(-clamp(pixels, -60, 60) * 0.01);

/** Pinch of two fingers from `a` to `b`: moves with their centre, zooms by their distance. @param {View} view @param {Point[]} a @param {Point[]} b */
export function pinch(view, a, b) {
  const centre = (pair) => ({ x: (pair[0].x + pair[1].x) / 2, y: (pair[0].y + pair[1].y) / 2 });
  const spread = (pair) => Math.max(1, Math.hypot(pair[0].x - pair[1].x, pair[0].y - pair[1].y));
  const [from, to] = [centre(a), centre(b)];
  return zoomAt({ k: view.k, x: view.x + to.x - from.x, y: view.y + to.y - from.y }, spread(b) / spread(a), to);
}

/** The smallest box around all, or null. @param {Box[]} boxes @returns {Box | null} */
export function bounds(boxes) {
  if (!boxes.length) return null;
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  return { x, y, w: Math.max(...boxes.map((box) => box.x + box.w)) - x, h: Math.max(...boxes.map((box) => box.y + box.h)) - y };
}

/** Show all of `box`, at most at 100 %. @param {Box} box @param {{w: number, h: number}} size @returns {View} */
export function fit(box, size, { top = 56, bottom = 72, side = 32 } = {}) {
  const room = { w: Math.max(50, size.w - 2 * side), h: Math.max(50, size.h - top - bottom) };
  const k = clamp(Math.min(1, room.w / box.w, room.h / box.h), MIN, MAX);
  const y = box.h * k < room.h * 0.6 ? top + Math.min(48, (room.h - box.h * k) / 3) : top + (room.h - box.h * k) / 2;
  return { k, x: side + (room.w - box.w * k) / 2 - box.x * k, y: y - box.y * k };
}

/**
 * Where to begin: all of it when that can be read, else the top of it at a size that can.
 * @param {Box} box @param {Box} first @param {{w: number, h: number}} size @returns {View}
 */
export function opening(box, first, size) {
  const whole = fit(box, size);
  const view = whole.k >= 0.7 ? whole : { k: 0.8, x: size.w / 2 - (first.x + first.w / 2) * 0.8, y: 56 - first.y * 0.8 };
  // A form that opens at the right should not cover the flow: move aside as far as there is room.
  const [left, right] = [box.x * view.k + view.x, (box.x + box.w) * view.k + view.x];
  const covered = size.w > 900 ? right - (size.w - PANEL - 32) : 0;
  return { ...view, x: view.x - Math.max(0, Math.min(covered, left - 32)) };
}

/** Move just enough that `box` is in sight with a margin. @param {View} view @param {Box} box @param {{w: number, h: number}} size @returns {View} */
export function reveal(view, box, size, margin = 48) {
  const at = toScreen(view, box);
  const far = { x: at.x + box.w * view.k, y: at.y + box.h * view.k };
  const shift = (low, high, room) => {
    if (low < margin) return margin - low;
    return high > room - margin ? Math.max(room - margin - high, margin - low) : 0;
  };
  return { k: view.k, x: view.x + shift(at.x, far.x, size.w), y: view.y + shift(at.y, far.y, size.h) };
}

/** What belongs to a card beside it: the buttons above it, the plus below it. */
const ABOVE = 52;
const BELOW = 12;

/**
 * Move up or down until nothing that floats over the canvas lies over `box`. @param {View} view @param {Box} box
 * @param {Box[]} covers on the screen @param {number} height of the canvas @returns {View}
 */
export function clear(view, box, covers, height) {
  let { y } = view;
  for (const cover of covers) {
    const at = toScreen({ ...view, y }, box);
    const shown = { x: at.x, y: at.y - ABOVE, w: box.w * view.k, h: box.h * view.k + ABOVE + BELOW };
    if (!overlaps(shown, cover)) continue;
    y += cover.y > height / 2 ? cover.y - (shown.y + shown.h) : cover.y + cover.h - shown.y;
  }
  return y === view.y ? view : { ...view, y };
}

/** Part of the plane that is in sight. @param {View} view @param {{w: number, h: number}} size @returns {Box} */
export const sight = (view, size, margin = 0) => ({
  x: (-view.x - margin) / view.k, y: (-view.y - margin) / view.k, w: (size.w + 2 * margin) / view.k, h: (size.h + 2 * margin) / view.k,
});
/** @param {Box} a @param {Box} b */
export const overlaps = (a, b) => a.x < b.x + b.w && a.x + a.w > b.x && a.y < b.y + b.h && a.y + a.h > b.y;

/** @param {Box} outer @param {Box} inner */
export const contains = (outer, inner) =>
  inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.w <= outer.x + outer.w && inner.y + inner.h <= outer.y + outer.h;

/** How fast the canvas should move when the pointer is near its rim, in pixels a frame. @param {Point} at @param {{w: number, h: number}} size */
export function autoPan(at, size, rim = 36) {
  const push = (value, room) => (value < rim ? (rim - value) / 3 : value > room - rim ? (room - rim - value) / 3 : 0);
  return { x: clamp(push(at.x, size.w), -16, 16), y: clamp(push(at.y, size.h), -16, 16) };
}

/**
 * Line a moved box up with others: its left, centre or right with theirs, its top or middle. Returns the correction and the lines.
 * @param {Box} box @param {Box[]} others @param {number} reach in flow units
 */
export function guides(box, others, reach) {
  const best = { dx: 0, dy: 0, x: /** @type {number|null} */ (null), y: /** @type {number|null} */ (null) };
  let [nearX, nearY] = [reach, reach];
  const tryX = (line, guide) => {
    if (Math.abs(guide - line) < nearX) [nearX, best.dx, best.x] = [Math.abs(guide - line), guide - line, guide];
  };
  const tryY = (line, guide) => {
    if (Math.abs(guide - line) < nearY) [nearY, best.dy, best.y] = [Math.abs(guide - line), guide - line, guide];
  };
  for (const other of others) { // in each move, of each card: nothing is allocated
    tryX(box.x + box.w / 2, other.x + other.w / 2);
    tryX(box.x, other.x);
    tryX(box.x + box.w, other.x + other.w);
    tryY(box.y, other.y);
    tryY(box.y + box.h / 2, other.y + other.h / 2);
  }
  return best;
}

/** Minimap: scale and offset that put `box` into `w` x `h`. @param {Box} box */
export function mini(box, w, h, pad = 8) {
  const k = Math.min((w - 2 * pad) / Math.max(1, box.w), (h - 2 * pad) / Math.max(1, box.h));
  return { k, x: (w - box.w * k) / 2 - box.x * k, y: (h - box.h * k) / 2 - box.y * k };
}
