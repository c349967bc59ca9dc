// @ts-check
/** Tidy up: dagre ranks the steps from top to bottom; the trigger stays where it is, notes move with their nearest step. */
import dagre from '/static/vendor/dagre-3.1.3/dagre.esm.js';
import { crossings } from './crossings.js';

const GRID = 8;
const ROW = 168;
const snap = (value) => Math.round(value / GRID) * GRID;

/**
 * The graph with a place for each step. Of two orders, the one whose lines cross less: dagre's own, which does not know that a step has
 * several ports, and the one in which the ways out of each step stand.
 */
function arranged(nodes, edges) {
  const tries = [true, false].map((inOrderOfPorts) => {
    const graph = graphOf(nodes, edges);
    dagre.layout(graph, { disableOptimalOrderHeuristic: inOrderOfPorts });
    return { graph, count: crossings(edges, (id) => graph.node(id)) };
  });
  return tries[tries[1].count < tries[0].count ? 1 : 0].graph;
}

function graphOf(nodes, edges) {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'TB', nodesep: 40, ranksep: ROW - 66, ranker: 'network-simplex' });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(node.id, { width: node.w, height: 66 });
  for (const edge of edges) graph.setEdge(edge.source, edge.target, {}, edge.id);
  return graph;
}

/** @param {{nodes: any[], edges: any[], notes: any[]}} given edges in the order of their ports @returns places on the grid */
export function layout({ nodes, edges, notes }) {
  const graph = arranged(nodes, edges);
  const place = (id) => {
    const { x, y, width } = graph.node(id);
    return { x: x - width / 2, y: y - 33 };
  };
  const first = nodes[0];
  const home = first ? place(first.id) : { x: 0, y: 0 };
  const by = first ? { x: snap(first.x) - home.x, y: snap(first.y) - home.y } : home;
  /** @type {Record<string, {x: number, y: number}>} */
  const positions = {};
  for (const node of nodes) {
    const at = place(node.id);
    positions[node.id] = { x: snap(at.x + by.x), y: snap(at.y + by.y) };
  }
  const moved = notes.map((note) => {
    const near = [...nodes].sort((a, b) => Math.hypot(a.x - note.x, a.y - note.y) - Math.hypot(b.x - note.x, b.y - note.y))[0];
    const to = near ? positions[near.id] : note;
    return { id: note.id, position: { x: snap(note.x + to.x - (near?.x ?? to.x)), y: snap(note.y + to.y - (near?.y ?? to.y)) } };
  });
  return { positions, notes: moved.filter((note, index) => note.position.x !== notes[index].x || note.position.y !== notes[index].y) };
}

if (typeof self !== 'undefined') self.onmessage = ({ data }) => self.postMessage(layout(data));
