// @ts-check
/** Draws the picture of all cards and lines that far-map.js shows, in a thread of its own: each takes 5 to 10 ms where no graphics card helps. */

/** Below this zoom a name has less than 5 px. */
const NAMED = 0.18;

/** @type {OffscreenCanvas | undefined} */
let canvas;
/** What was sent last of the cards and lines, and of their names. @type {any} */
let boxes;
/** @type {any} */
let labels;

/** @typedef {{x: number, y: number, w: number, h: number}} Box */
/** @param {Box} a @param {Box} b */
const overlaps = (a, b) => a.x < b.x + b.w && a.x + a.w > b.x && a.y < b.y + b.h && a.y + a.h > b.y;

/** Of the cards that can be seen: box, kind, rim and place in the list. @param {Box} seen */
function* cardsIn(seen) {
  const { cards, kinds, rims } = boxes;
  for (let index = 0; index < cards.length / 6; index += 1) {
    const [x, y, w, h, kind, rim] = cards.subarray(6 * index, 6 * index + 6);
    const box = { x, y, w, h };
    if (overlaps(box, seen)) yield { box, kind: kinds[kind], rim: rims[rim], index };
  }
}

/** One path for all that look alike: there are as many strokes as looks. @param {Map<string, Path2D>} paths @returns {Path2D} */
function pathOf(paths, key) {
  let path = paths.get(key);
  if (!path) paths.set(key, (path = new Path2D()));
  return path;
}

function drawLines(pen, colours) {
  /** @type {Map<string, Path2D>} */
  const paths = new Map(['edge', 'err', 'accent'].map((colour) => [colour, new Path2D()]));
  for (const { colour, points } of boxes.ways) {
    const path = pathOf(paths, colour);
    path.moveTo(points[0], points[1]);
    for (let index = 2; index < points.length; index += 2) path.lineTo(points[index], points[index + 1]);
  }
  pen.lineWidth = 3.5;
  for (const [colour, path] of paths) {
    pen.strokeStyle = colours[colour];
    pen.stroke(path);
  }
}

function drawCards(pen, colours, seen) {
  const [fills, rims] = [new Map(), new Map()];
  for (const { box, kind, rim } of cardsIn(seen)) {
    pathOf(fills, kind).roundRect(box.x, box.y, box.w, box.h, 16);
    if (rim) pathOf(rims, rim).roundRect(box.x, box.y, box.w, box.h, 16);
  }
  for (const [kind, path] of fills) {
    pen.fillStyle = colours.tints[kind];
    pen.fill(path);
    pen.globalAlpha = 0.45;
    pen.lineWidth = 4;
    pen.strokeStyle = colours[kind];
    pen.stroke(path);
    pen.globalAlpha = 1;
  }
  for (const [rim, path] of rims) {
    pen.lineWidth = 9;
    pen.strokeStyle = colours[rim];
    pen.stroke(path);
  }
}

function drawNames(pen, colours, seen) {
  pen.font = `600 26px ${labels.font}`;
  pen.textBaseline = 'middle';
  pen.lineWidth = 2;
  for (const { box, kind, index } of cardsIn(seen)) {
    const { icon, text } = labels.names[index];
    const { x, y } = { x: box.x + 14, y: box.y + box.h / 2 - 17 };
    pen.strokeStyle = colours[kind];
    pen.translate(x, y);
    pen.scale(1.4, 1.4);
    pen.stroke(labels.paths[icon]);
    pen.scale(1 / 1.4, 1 / 1.4);
    pen.translate(-x, -y);
    pen.fillStyle = colours.text;
    pen.fillText(text, box.x + 58, box.y + box.h / 2, labels.room);
  }
}

/** @param {any} order what to draw: `view`, the size of the canvas `w` x `h`, `beyond` each rim, `names` too; `boxes` and `labels` where they changed */
function draw({ view, w, h, beyond, ratio, names, colours, ...sent }) {
  boxes = sent.boxes || boxes;
  if (sent.labels) {
    const paths = Object.fromEntries(Object.entries(sent.labels.icons).map(([icon, path]) => [icon, new Path2D(path)]));
    labels = { ...sent.labels, paths };
  }
  const all = { w: w * (1 + 2 * beyond), h: h * (1 + 2 * beyond) };
  const [width, height] = [Math.round(all.w * ratio), Math.round(all.h * ratio)];
  if (canvas?.width !== width || canvas.height !== height) canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext('2d');
  const at = { x: view.x + w * beyond, y: view.y + h * beyond };
  const scale = ratio * view.k;
  pen?.setTransform(scale, 0, 0, scale, ratio * at.x, ratio * at.y);
  const seen = { x: -at.x / view.k, y: -at.y / view.k, w: all.w / view.k, h: all.h / view.k };
  drawLines(pen, colours);
  drawCards(pen, colours, seen);
  if (names && view.k >= NAMED) drawNames(pen, colours, seen);
  return canvas.transferToImageBitmap();
}

/** @param {any[]} fonts of the page */
function load(fonts) {
  for (const { family, source, weight, unicodeRange } of fonts) {
    const font = new FontFace(family, source, { weight, unicodeRange });
    /** @type {any} */ (self).fonts.add(font);
    font.load().catch(() => {}); // written in the next one of the list, then
  }
}

self.onmessage = ({ data }) => {
  if (data.fonts) return load(data.fonts);
  const bitmap = draw(data);
  /** @type {any} */ (self).postMessage({ bitmap }, [bitmap]);
};
