// @ts-check
/**
 * The draft as others change it: the server's live stream says that something changed, and the page looks once its own edits are saved. While
 * the stream is open others see this tab, and who else is there comes by it.
 */
import { later } from './later.js';
import { uuid } from './outbox.js';
import { listen, paced } from '../live.js';

const SOONEST_MS = 1_000;
const presencePart = later(() => import('./presence.js'));
const presentPart = later(() => import('./present-data.js'));

/** @param {import('./flow-canvas.js').FlowCanvas} canvas */
export function followDraft(canvas) {
  const { sync } = canvas;
  const tab = uuid();
  const look = () => canvas.mode === 'edit' && !sync.stalled && !sync.signedOut && sync.look();
  /** @type {import('./presence.js').Presence | undefined} */
  let presence;
  document.addEventListener('live:presence', async (event) => {
    const { tabs } = /** @type {any} */ (event).detail;
    if (tabs.length < 2 && !presence) return;
    const { Presence } = await presencePart();
    presence ??= new Presence(canvas, tab);
    presence.show(tabs);
  });
  const follow = () => presentPart().then(({ PresentData }) => new PresentData(canvas), () => {});
  if (canvas.mayEdit) setTimeout(follow, SOONEST_MS);
  listen(`workflow=${canvas.workflow}&tab=${tab}`, paced(look, () => sync.busy, SOONEST_MS));
}
