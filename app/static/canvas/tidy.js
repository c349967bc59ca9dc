// @ts-check
/** Tidy up: a layout of the whole workflow, calculated by a worker. */
import { snapPoint } from './commands.js';
import { freeShift } from './free-space.js';
import { gettext } from '../texts.js';

/** @typedef {import('./flow-canvas.js').FlowCanvas} Canvas */

/** @type {Worker | undefined} */
let worker;

/** The worker, and with it the layout that it loads: made as soon as this module is, so that both are there when the connection goes. */
function layoutWorker() {
  return (worker ??= new Worker(new URL('./layout-worker.js', import.meta.url), { type: 'module' }));
}
if (typeof Worker !== 'undefined') layoutWorker();

/** Notes beside what is tidied up: none may come to lie over or under a card. @param {Canvas} canvas
 * @param {Record<string, {x: number, y: number}>} positions */
function notesApart(canvas, positions, moved) {
  const { graph, scene } = canvas;
  const wanted = new Map(moved.map((note) => [note.noteId, note.position]));
  const boxes = Object.entries(positions).map(([id, at]) => ({ .../** @type {any} */ (scene.boxes.get(id)), ...at }));
  return [...graph.notes.values()].flatMap((note) => {
    const at = wanted.get(note.id) ?? note.position;
    const box = { .../** @type {any} */ (scene.boxes.get(note.id)), ...at };
    const by = freeShift(boxes, [box]);
    const position = snapPoint({ x: at.x + by.x, y: at.y + by.y });
    boxes.push({ ...box, ...position });
    return position.x === note.position.x && position.y === note.position.y ? [] : [{ kind: 'update_note', noteId: note.id, position }];
  });
}

/** Lay everything out from top to bottom; one undoable step, animated by the cards' own transition. @param {Canvas} canvas */
export function tidy(canvas) {
  const arranging = layoutWorker();
  const { graph, scene } = canvas;
  const order = graph.order();
  const port = (edge) => graph.ports(edge.source).findIndex((one) => one.id === edge.sourceHandle);
  const lines = [...graph.edges.values()].map((edge) => ({ ...edge, port: port(edge) }));
  arranging.onmessage = ({ data }) => {
    const differs = (node, at) => node && (node.position.x !== at.x || node.position.y !== at.y);
    const moved = Object.entries(data.positions).filter(([id, at]) => differs(graph.node(id), at));
    const ops = moved.map(([id, position]) =>
      graph.notes.has(id) ? { kind: 'update_note', noteId: id, position } : { kind: 'move_node', nodeId: id, position },
    );
    const notes = data.notes.map(({ id, position }) => ({ kind: 'update_note', noteId: id, position }));
    canvas.classList.add('gliding');
    setTimeout(() => canvas.classList.remove('gliding'), 260);
    if (canvas.perform([...ops, ...notesApart(canvas, data.positions, notes)], gettext('Tidied up'))) canvas.fit();
    else canvas.announce(gettext('Everything is in place already.'));
  };
  arranging.postMessage({
    nodes: order.map((id) => ({ id, ...scene.boxes.get(id) })),
    edges: lines.sort((a, b) => order.indexOf(a.source) - order.indexOf(b.source) || a.port - b.port),
    notes: [...graph.notes.values()].map((note) => ({ ...scene.boxes.get(note.id), id: note.id })),
  });
}
