// @ts-check
/** Where one was on the canvas of a workflow: stored by the browser once nothing has moved for a while. */
import * as view from './viewport.js';

const REST_MS = 400;

export class StoredView {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.key = `view:${canvas.workflow}`;
    this.movedAt = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    canvas.addEventListener('wf:view', () => {
      this.movedAt = performance.now();
      this.timer ??= setTimeout(() => this.write(), REST_MS);
    });
  }

  /** One timer for a whole gesture: it waits again while something moves. */
  write() {
    const { canvas } = this;
    const left = this.movedAt + REST_MS - performance.now();
    this.timer = left > 0 ? setTimeout(() => this.write(), left) : undefined;
    if (!this.timer) localStorage.setItem(this.key, JSON.stringify({ ...canvas.view, left: canvas.left }));
  }

  /** Where one was, if a step is in sight there, else where a workflow is best begun with. */
  read() {
    const { canvas } = this;
    const { boxes, size } = canvas.scene;
    const stored = localStorage.getItem(this.key);
    if (stored) {
      // The palette is there or not: what was on the canvas stays where it was on the screen.
      const { left = canvas.left, x, y, k } = JSON.parse(stored);
      canvas.setView({ x: x + left - canvas.left, y, k });
    }
    const seen = view.sight(canvas.view, size);
    if (stored && [...boxes.values()].some((box) => view.overlaps(box, seen))) return;
    canvas.setView(view.opening(canvas.scene.bounds(), /** @type {any} */ (boxes.get(canvas.graph.first)), size));
  }
}
