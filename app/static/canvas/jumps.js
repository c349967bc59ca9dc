// @ts-check
/** Where runs go that no edge leads: dashed lines from a step to the one that its settings name. They are changed in the step's form. */
import { entryPoint, route } from './edges.js';
import { make } from './elements.js';

export class Jumps {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas @param {import('./scene.js').Scene} scene */
  constructor(canvas, scene) {
    this.canvas = canvas;
    this.scene = scene;
    /** Lines by step and port. @type {Map<string, {line: any, drawn: string}>} */
    this.lines = new Map();
  }

  draw() {
    const { graph } = this.canvas;
    const { boxes } = this.scene;
    const shown = new Set();
    for (const [id, jumps] of graph.jumps) {
      for (const [port, target] of jumps) {
        const [from, to] = [boxes.get(id), boxes.get(target)];
        if (!from || !to || !graph.node(id) || graph.edgeAt(id, port)) continue;
        const known = graph.ports(id).some((way) => way.id === port);
        const start = known ? this.scene.portAt(id, port) : { x: from.x + from.w, y: from.y + from.h / 2 };
        const d = known ? route(start, entryPoint(to)).d : this.around(start, to);
        const key = `${id}:${port}`;
        shown.add(key);
        this.show(key, d);
      }
    }
    for (const [key, { line }] of this.lines) {
      if (shown.has(key)) continue;
      line.remove();
      this.lines.delete(key);
    }
  }

  /** @param {string} key @param {string} d */
  show(key, d) {
    let entry = this.lines.get(key);
    if (!entry) {
      entry = { line: make('path', 'jump'), drawn: '' };
      this.scene.lines.append(entry.line);
      this.lines.set(key, entry);
    }
    if (entry.drawn !== d) entry.line.setAttribute('d', (entry.drawn = d));
  }

  /** From the side of a card to the side of another, by the right of both. */
  around(from, to) {
    const end = { x: to.x + to.w, y: to.y + to.h / 2 };
    const side = Math.max(from.x, end.x) + 48;
    return `M${from.x},${from.y}C${side},${from.y} ${side},${end.y} ${end.x},${end.y}`;
  }
}
