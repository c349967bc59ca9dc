// @ts-check
/** Copies of steps and notes, and what is pasted: put where nothing lies, and brought into sight. Loaded with the first of them. */
import { WIDTH, clip, snapPoint } from './commands.js';
import { STUB, freeShift, stubs } from './free-space.js';
import { withRowsOfHere } from './paste-mapping.js';
import { paste } from './paste-ops.js';
import { notInstalled, onlyKnown, readClip } from './read-clip.js';
import { bounds, fit, overlaps, sight, toFlow } from './viewport.js';
import { gettext, ngettext } from '../texts.js';

/** @typedef {import('./flow-canvas.js').FlowCanvas} Canvas */

const CARD = 96;
const items = (/** @type {number} */ number) => ngettext('%(number)s item', '%(number)s items', number);

/** @param {Canvas} canvas @param {string} text @param {import('./viewport.js').Point} [at] where, in flow coordinates */
export async function pasteText(canvas, text, at) {
  const { clipped, why, left } = readClip(text, canvas.graph);
  if (!clipped) return canvas.announce(why, 'err');
  if (text !== canvas.actions.clipboard.text) {
    const nodes = await withRowsOfHere(clipped.nodes, text);
    if (!nodes) return canvas.announce(gettext('Nothing was pasted.'));
    clipped.nodes = nodes;
  }
  const added = put(canvas, clipped, at, (count) => gettext('Pasted %(what)s', { what: items(count) }));
  if (added && left.length) {
    const pasted = ngettext('Pasted %(number)s step.', 'Pasted %(number)s steps.', clipped.nodes.length);
    canvas.announce(`${pasted} ${left.join(' ')}`, 'note');
  }
  return added;
}

/** False when there is nothing to copy. @param {Canvas} canvas @param {string[]} ids */
export function duplicate(canvas, ids) {
  const { clipped, unknown } = onlyKnown(clip(canvas.graph, ids), canvas.graph);
  if (unknown.length) canvas.announce(notInstalled(unknown), 'note');
  if (!clipped.nodes.length && !clipped.notes.length) return unknown.length > 0;
  put(canvas, clipped, undefined, (count) => gettext('Duplicated %(what)s', { what: count > 1 ? items(count) : canvas.titleOf(ids[0]) }));
  return true;
}

/** Add a clip where nothing lies: at `at`, beside its originals when they are in sight here, else in the middle of the view. @param {Canvas} canvas */
function put(canvas, clipped, at, label) {
  const { graph, scene } = canvas;
  const boxOf = (item) => ({ ...item.position, w: item.width ?? WIDTH, h: item.height ?? (scene.boxes.get(item.id)?.h ?? CARD) + STUB.h });
  const parts = [...clipped.nodes, ...(clipped.notes ?? [])].map(boxOf);
  const group = /** @type {import('./viewport.js').Box} */ (bounds(parts));
  const present = clipped.nodes.some((node) => graph.nodes.has(node.id)) && overlaps(group, sight(canvas.view, scene.size));
  const middle = toFlow(canvas.view, { x: scene.size.w / 2, y: scene.size.h / 3 });
  const goal = at ?? (present ? group : { x: middle.x - group.w / 2, y: middle.y });
  const by = snapPoint({ x: goal.x - group.x, y: goal.y - group.y });
  const moved = parts.map((part) => ({ ...part, x: part.x + by.x, y: part.y + by.y }));
  const free = freeShift([...scene.boxes.values(), ...stubs(graph, scene)], moved);
  const copies = paste(clipped, { x: by.x + free.x, y: by.y + free.y });
  if (!canvas.perform(copies.ops, label(copies.ids.length), { select: copies.ids })) return false;
  if (graph.node(copies.ids[0])) canvas.focusOn(copies.ids[0]);
  showAll(canvas, copies.ids);
  return true;
}

/** Bring all of these into sight, farther away when there is no other way. @param {Canvas} canvas @param {string[]} ids */
function showAll(canvas, ids) {
  const { boxes, size } = canvas.scene;
  const box = bounds(ids.map((id) => /** @type {any} */ (boxes.get(id))).filter(Boolean));
  if (!box || canvas.outline || ids.length < 2) return;
  const { k } = canvas.view;
  if (box.w * k > size.w - 64 || box.h * k > size.h - 128) canvas.setView(fit(box, size), true);
  else canvas.reveal(box);
}
