// @ts-check
/**
 * Which steps and triggers are new: added here or as their type begins, and nobody has worked in their form and left it, nor pressed
 * Activate. What they lack is still to do; it is no mistake, and not drawn as one. The browser's tab remembers, the document does not:
 * for the server, for other programs and for activation an issue is an issue.
 */
export class NewSteps {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.key = `left ${canvas.workflow}`;
    this.judgedKey = `judged ${canvas.workflow}`;
    /** Those whose form was left. @type {Set<string>} */
    this.left = new Set(JSON.parse(sessionStorage.getItem(this.key) ?? '[]'));
    /** Those that were there when Activate was pressed: until then nobody said that the drawing is done. @type {Set<string>} */
    this.judged = new Set(JSON.parse(sessionStorage.getItem(this.judgedKey) ?? '[]'));
    /** Those that were new once. @type {Set<string>} */
    this.begun = new Set();
    canvas.addEventListener('wf:op', (event) => {
      const { ops, travelled } = /** @type {any} */ (event).detail;
      for (const op of travelled ? [] : ops) {
        const added = op.kind === 'add_node' ? op.node : op.kind === 'add_trigger' ? op.trigger : null;
        if (added) this.begun.add(added.id);
      }
    });
    document.getElementById('activate-button')?.addEventListener('wf:go', () => this.judge(...canvas.graph.ids()));
  }

  /** @param {string} id */
  has(id) {
    if (this.left.has(id)) return false;
    if (this.untouched(id)) this.begun.add(id);
    return this.begun.has(id);
  }

  /** Does it say nothing but what its type begins with? @param {string} id */
  untouched(id) {
    const { graph } = this.canvas;
    const defaults = graph.presentation(id).defaults ?? {};
    return Object.entries(graph.node(id)?.data ?? {}).every(([name, value]) => JSON.stringify(value) === JSON.stringify(defaults[name]));
  }

  /** Activate was pressed: what these lack, in their settings or around them, is an issue. @param {string[]} ids */
  judge(...ids) {
    this.judged = new Set(ids);
    sessionStorage.setItem(this.judgedKey, JSON.stringify(ids));
    this.leave(...ids);
    this.canvas.overlay.setDiagnostics();
    this.canvas.panel.mark();
  }

  /** Nobody works on these any more: what they lack is an issue from now on. @param {string[]} ids */
  leave(...ids) {
    const fresh = ids.filter((id) => this.has(id));
    for (const id of fresh) this.left.add(id);
    if (!fresh.length) return;
    sessionStorage.setItem(this.key, JSON.stringify([...this.left]));
    this.canvas.overlay.setDiagnostics();
    this.canvas.panel.mark();
  }
}
