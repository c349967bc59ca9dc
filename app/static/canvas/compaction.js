// @ts-check
/** Fewer ops that lead to the same: what a later setter makes pointless is left out. No DOM. @typedef {import('./graph.js').Op} Op */

const SET = new Set(['move_node', 'update_node', 'set_trigger', 'set_goals', 'set_settings', 'update_note', 'set_priority', 'rename']);
/** Setters of one step that do not touch each other's fields. */
const APART = new Set(['move_node', 'update_node']);

/** What an op is about. @param {Op} op @returns {string} */
export const subject = (op) =>
  op.nodeId ?? op.noteId ?? op.triggerId ?? op.node?.id ?? op.trigger?.id ?? op.note?.id ?? op.edgeId ?? op.edge?.id ?? op.kind;

/** Drop setters that a later setter of the same subject makes pointless. @param {Op[]} ops */
export function compact(ops) {
  /** @type {Op[]} */
  const needed = [];
  for (const op of ops) {
    let i = SET.has(op.kind) ? needed.length - 1 : -1;
    for (; i >= 0; i--) {
      if (needed[i].kind === 'update_trigger') break; // it does not say which trigger it is about
      if (subject(needed[i]) !== subject(op)) continue;
      if (needed[i].kind === op.kind || !APART.has(needed[i].kind) || !APART.has(op.kind)) break;
    }
    if (i >= 0 && needed[i].kind === op.kind) needed[i] = { ...needed[i], ...op };
    else needed.push(op);
  }
  return needed;
}
