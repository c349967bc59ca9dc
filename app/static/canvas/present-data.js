// @ts-check
/** Branches that none of the contacts would take now: asked some seconds after the last edit was saved, and shown among the hints. */

const QUIET_MS = 3_000;

export class PresentData {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** The revision that was asked about. */
    this.rev = 0;
    canvas.addEventListener('wf:saved', () => this.soon());
    canvas.addEventListener('wf:op', (event) => this.forget(/** @type {any} */ (event).detail.ops));
    this.soon();
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), QUIET_MS);
  }

  /** What was said of a step that is changed holds no longer. @param {any[]} ops */
  forget(ops) {
    const { overlay } = this.canvas;
    const left = overlay.present.filter(({ nodeId }) => !ops.some((op) => op.kind !== 'move_node' && op.nodeId === nodeId));
    if (left.length === overlay.present.length) return;
    overlay.present = left;
    overlay.setDiagnostics();
  }

  async ask() {
    const { canvas } = this;
    const { rev } = canvas.sync.outbox;
    if (rev === this.rev || canvas.mode !== 'edit') return;
    if (document.hidden || canvas.sync.busy) return this.soon();
    // A session that has ended leads to the page to sign in, which is no JSON.
    const options = { headers: { accept: 'application/json' }, redirect: /** @type {const} */ ('error') };
    const answer = await fetch(`/workflows/${canvas.workflow}/untaken?rev=${rev}`, options).catch(() => null);
    const reply = answer?.ok ? await answer.json() : null;
    if (!reply || reply.rev !== canvas.sync.outbox.rev) return;
    if (reply.again) return this.soon();
    this.rev = rev;
    canvas.overlay.present = reply.diagnostics;
    canvas.overlay.setDiagnostics();
  }
}
