// @ts-check
/** What was copied, as edits that put it in. Loaded with the first paste or copy. No DOM. */
import { freshId, link, snapPoint } from './commands.js';

/** @typedef {import('./graph.js').Op} Op */

/** Put a clip in, moved by `shift`, with fresh ids. @returns {{ops: Op[], ids: string[]}} */
export function paste(clipping, shift) {
  const ids = new Map();
  /** @type {Op[]} */
  const ops = [];
  const moved = (item) => snapPoint({ x: (item.position?.x ?? 0) + shift.x, y: (item.position?.y ?? 0) + shift.y });
  for (const node of clipping.nodes) {
    ids.set(node.id, freshId(String(node.type)));
    ops.push({ kind: 'add_node', node: { ...structuredClone(node), id: ids.get(node.id), position: moved(node) } });
  }
  for (const edge of clipping.edges ?? []) {
    if (ids.has(edge.source) && ids.has(edge.target)) ops.push(link(ids.get(edge.source), edge.sourceHandle ?? 'next', ids.get(edge.target)));
  }
  for (const note of clipping.notes ?? []) {
    ids.set(note.id, freshId('note'));
    ops.push({ kind: 'add_note', note: { ...structuredClone(note), id: ids.get(note.id), position: moved(note) } });
  }
  return { ops, ids: [...ids.values()] };
}
