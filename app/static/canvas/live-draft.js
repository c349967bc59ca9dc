// @ts-check
/** The draft as others change it: the server's live stream says that something changed, and the page looks once its own edits are saved. */
import { listen, paced } from '../live.js';

const SOONEST_MS = 1_000;

/** @param {import('./flow-canvas.js').FlowCanvas} canvas */
export function followDraft(canvas) {
  const { sync } = canvas;
  const look = () => canvas.mode === 'edit' && !sync.stalled && !sync.signedOut && sync.look();
  listen(`workflow=${canvas.workflow}`, paced(look, () => sync.busy, SOONEST_MS));
}
