// @ts-check
/**
 * Pages that move by themselves. What is marked with `data-follow` (a run, a workflow, or nothing for the workspace) is asked for again when
 * the server says that something about it changed: one connection a topic, none while the page is hidden, and a look now and then where
 * no connection can be had. What somebody has selected or opened is left alone until they are done.
 */

import { gettext } from './texts.js';

/** @typedef {{topic: string, source: EventSource | null, open: boolean, timer: number, wait: number, listeners: Set<() => void>}} Line */

/** Milliseconds: between two looks of one part, without a connection, while all is quiet, and until a lost connection is shown. */
const SOONEST = 1500;
const WITHOUT = 15_000;
const QUIET = 60_000;
const SHOWN_AFTER = 4_000;
/** How long a hidden page stays connected. */
const HIDDEN = 5_000;

/** @type {Map<string, Line>} */
const lines = new Map();

/** Call `changed` when something about a topic changed, or may have. @param {string} topic @param {() => void} changed @returns {() => void} ends it */
export function listen(topic, changed) {
  const line = lines.get(topic) ?? { topic, source: null, open: false, timer: 0, wait: 1000, listeners: new Set() };
  lines.set(topic, line);
  line.listeners.add(changed);
  connect(line);
  return () => {
    line.listeners.delete(changed);
    if (line.listeners.size) return;
    disconnect(line);
    lines.delete(topic);
    show();
  };
}

/** @param {Line} line */
function tell(line) {
  for (const changed of line.listeners) changed();
}

/** @param {Line} line */
function connect(line) {
  if (line.source || document.hidden) return;
  clearTimeout(line.timer);
  const source = new EventSource(`/live${line.topic ? `?${line.topic}` : ''}`);
  line.source = source;
  source.addEventListener('open', () => {
    line.open = true;
    line.wait = 1000;
    show();
  });
  source.addEventListener('changed', () => tell(line));
  source.addEventListener('presence', ({ data }) => document.dispatchEvent(new CustomEvent('live:presence', { detail: JSON.parse(data) })));
  // The browser comes back by itself when the connection broke, and not when it was told no.
  source.addEventListener('error', () => {
    line.open = false;
    show();
    if (source.readyState !== EventSource.CLOSED) return;
    disconnect(line);
    tell(line); // whoever is signed out hears of it by what the page asks for
    line.wait = Math.min(line.wait * 2, 60_000);
    line.timer = window.setTimeout(() => connect(line), line.wait);
  });
}

/** @param {Line} line */
function disconnect(line) {
  clearTimeout(line.timer);
  line.source?.close();
  line.source = null;
  line.open = false;
}

// ---- a lost connection is said in small letters beside the title, once it lasts
let shownAfter = 0;

function show() {
  const disconnected = !document.hidden && [...lines.values()].some((line) => !line.open);
  if (!disconnected) {
    clearTimeout(shownAfter);
    shownAfter = 0;
    document.getElementById('live-state')?.remove();
    return;
  }
  shownAfter ||= window.setTimeout(() => {
    const place = document.querySelector('.top .crumb');
    if (!place || document.getElementById('live-state')) return;
    const words = document.createElement('span');
    words.id = 'live-state';
    words.className = 'cap muted nw';
    words.textContent = gettext('Reconnecting…');
    place.append(words);
  }, SHOWN_AFTER);
}

// ---- the page in front, and behind
let away = 0;
document.addEventListener('visibilitychange', () => {
  clearTimeout(away);
  if (document.hidden) {
    away = window.setTimeout(() => [...lines.values()].forEach(disconnect), HIDDEN);
    return;
  }
  for (const line of lines.values()) {
    if (!line.source) tell(line);
    connect(line);
  }
  show();
});
// A page in the back-forward cache keeps nothing open.
window.addEventListener('pagehide', () => [...lines.values()].forEach(disconnect));
window.addEventListener('pageshow', (event) => event.persisted && [...lines.values()].forEach(connect));

/**
 * Calls `look` when told to and when nobody was told for long; not more often than is good, not while the page is hidden, and not while
 * `busy`. @param {() => void} look @param {() => boolean} busy
 */
export function paced(look, busy = () => false, soonest = SOONEST) {
  let last = Date.now();
  let timer = 0;
  let due = false;
  const run = () => {
    timer = 0;
    if (document.hidden) return;
    if (busy()) {
      timer = window.setTimeout(run, SOONEST);
      return;
    }
    due = false;
    last = Date.now();
    look();
  };
  const soon = () => {
    due = true;
    timer ||= window.setTimeout(run, Math.max(0, last + soonest - Date.now()));
  };
  const tick = window.setInterval(() => {
    const without = [...lines.values()].some((line) => !line.open);
    if (due || Date.now() - last >= (without ? WITHOUT : QUIET)) soon();
  }, 5_000);
  return Object.assign(soon, {
    stop: () => {
      clearTimeout(timer);
      clearInterval(tick);
    },
  });
}

/** Is somebody in the middle of something there? @param {Element} part */
function inUse(part) {
  const selection = getSelection();
  const selects = Boolean(selection && !selection.isCollapsed && selection.containsNode(part, true));
  const typing = 'input:not([type=range], [type=radio], [type=checkbox]), select, textarea';
  const focused = part.contains(document.activeElement) && document.activeElement?.matches(typing);
  return selects || Boolean(focused) || Boolean(part.querySelector('dialog[open], .menu[open]'));
}

/** @type {Map<string, {element: Element, topic: string, stop: () => void}>} */
const parts = new Map();

/** Follow what is marked on the page, and nothing that is not there any more. */
export function follow() {
  const marked = new Map([...document.querySelectorAll('[data-follow]')].map((element) => [element.id, /** @type {HTMLElement} */ (element)]));
  for (const [id, part] of parts) {
    if (marked.get(id)?.dataset.follow === part.topic) continue;
    part.stop();
    parts.delete(id);
  }
  for (const [id, element] of marked) {
    if (parts.has(id)) continue;
    const now = () => document.getElementById(id);
    const look = () => (now() ? /** @type {any} */ (window).htmx.trigger(now(), 'live') : follow());
    const soon = paced(look, () => inUse(now() ?? element), Number(element.dataset.followEvery ?? SOONEST));
    const topic = element.dataset.follow ?? '';
    const end = listen(topic, soon);
    const stop = () => {
      soon.stop();
      end();
    };
    parts.set(id, { element, topic, stop });
  }
}
