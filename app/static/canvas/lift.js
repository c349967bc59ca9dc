// @ts-check
/** Cards that are dragged are layers of their own meanwhile, as are the words on their lines: to move them, nothing is painted or sorted anew. */

/** Above so many, layers cost more than they spare. */
const MOST = 12;

/**
 * @param {import('./scene.js').Scene} scene @param {import('./graph.js').Graph} graph @param {string[]} ids cards and notes
 * @returns {() => void} puts them down
 */
export function lift(scene, graph, ids) {
  if (ids.length > MOST) ids = [];
  const edges = ids.flatMap((id) => [...graph.incoming(id), ...graph.outgoing(id)]);
  const parts = [...ids.map((id) => scene.cards.get(id)?.li ?? scene.notes.get(id)), ...edges.map(({ id }) => scene.edges.get(id)?.label)];
  const turn = (on) => parts.forEach((part) => part?.classList.toggle('held', on));
  turn(true);
  return () => turn(false);
}
