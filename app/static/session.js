// @ts-check
/**
 * Is whoever opened this page still signed in, in the workspace that it shows? Asked before a form leaves, and when an answer says
 * no (`X-Session`). A dialog then leads to signing in, in another tab, and the request goes out again: nothing typed is lost.
 */

import { gettext } from './texts.js';

/** @typedef {'same' | 'signed-out' | 'other-user' | 'other-workspace' | 'unreachable'} State */

const FIELD = '_csrf_token';
const HEADER = 'x-csrftoken';

/**
 * What the page belongs to, against who is signed in now.
 * @param {{user?: string, workspace?: string}} page @param {{user: string | null, workspace: number | null}} now @returns {State}
 */
export function compare(page, now) {
  if (!now.user) return 'signed-out';
  if (now.user !== page.user) return 'other-user';
  return String(now.workspace) === page.workspace ? 'same' : 'other-workspace';
}

/** A request once more, with the proof of the session that there is now. */
export function renewed(request, token) {
  const { body } = request;
  if (body && typeof body.set === 'function' && body.has(FIELD)) body.set(FIELD, token);
  return { ...request, headers: { ...request.headers, [HEADER]: token }, signal: undefined };
}

/**
 * Does this request only show something: a list that refreshes itself, a preview of what is being written? What somebody submits, clicks
 * or chooses is more. @param {string} [method] @param {string | null} [trigger] the `hx-trigger` of what sends it
 */
export const looksOnly = (method = 'GET', trigger = '') => method === 'GET' || !/^$|submit|click|change/.test(trigger ?? '');

/** Send; when the answer says that the session is over or another one, ask, and send again. `send` is `fetch`. */
export async function guarded(action, request, send, ask = restore, looks = looksOnly(request.method)) {
  const answer = await send(action, request);
  if (!answer.headers.get('x-session')) return answer;
  if (dismissed && looks) return answer; // a list that refreshes itself asks once
  const token = await ask();
  const signal = request.signal;
  if (!token) warn(gettext('You are signed out. Nothing was sent, and what you entered is still here.'));
  if (!token || (signal?.aborted && signal.reason !== 'timeout')) return answer;
  return send(action, renewed(request, token));
}

function warn(text) {
  globalThis.document?.dispatchEvent(new CustomEvent('toast', { detail: { text, kind: 'err' } }));
}

let dismissed = false;
/** @type {{state: State, now?: any}} */
let last = { state: 'same' };
/** @type {Promise<string> | null} */
let asking = null;

/** Ask the server who is signed in. With the same person and workspace the page takes up the session's proof. */
export async function check() {
  try {
    const answer = await fetch('/session', { cache: 'no-store', headers: { accept: 'application/json' } });
    if (!answer.ok) throw new Error(String(answer.status));
    const now = await answer.json();
    last = { state: compare(document.body.dataset, now), now };
  } catch {
    last = { state: 'unreachable' };
  }
  if (last.state === 'same') prove(last.now.csrf);
  return last.state;
}

function prove(token) {
  document.body.setAttribute('hx-headers:inherited', JSON.stringify({ [HEADER]: token }));
  for (const field of document.querySelectorAll(`input[name="${FIELD}"]`)) /** @type {HTMLInputElement} */ (field).value = token;
}

/** Resolves to the proof of the right session once there is one, to "" when that was put off. One dialog at a time. */
export function restore() {
  asking ??= settle().finally(() => {
    asking = null;
  });
  return asking;
}

async function settle() {
  let state = await check();
  if (state !== 'same' && state !== 'unreachable') {
    document.dispatchEvent(new CustomEvent('session:away', { detail: state }));
    state = await ask(state);
    dismissed = state !== 'same';
    if (state === 'same') document.dispatchEvent(new CustomEvent('session:back'));
  }
  return state === 'same' ? last.now.csrf : '';
}

/** The words of the dialog: title, sentence, and what its button does. @param {State} state */
export function words(state, page, now) {
  if (state === 'other-user') {
    return [
      gettext('%(name)s is signed in now', { name: now.name }),
      gettext('This page was opened by %(before)s, and what was changed here stays with them. Load it again to continue as %(name)s.',
        { before: page.userName, name: now.name }),
      gettext('Load again'),
      'reload',
    ];
  }
  if (state === 'other-workspace') {
    return [
      gettext('This page belongs to %(workspace)s', { workspace: page.workspaceName }),
      gettext('You went to %(other)s in another tab. Go back to %(workspace)s to save what you changed here.',
        { other: now.workspaceName, workspace: page.workspaceName }),
      gettext('Back to %(workspace)s', { workspace: page.workspaceName }),
      'back',
    ];
  }
  return [gettext('You are signed out'),
    gettext('Sign in to continue. This page stays as it is, and what you changed is saved when you are back.'), gettext('Sign in'), 'sign-in'];
}

/** @param {State} state @returns {Promise<State>} */
function ask(state) {
  const dialog = document.createElement('dialog');
  dialog.className = 'dlg';
  dialog.id = 'session-dialog';
  dialog.setAttribute('aria-labelledby', 'session-title');
  dialog.innerHTML = `<div class="dh"><h2 id="session-title"></h2></div><div class="db"><p></p></div>
    <div class="df"><button class="btn sec" type="button" value="later"></button><a class="btn pri"></a></div>`;
  document.body.append(dialog);
  /** @type {any} */ (dialog.querySelector('button')).textContent = gettext('Later');
  const link = /** @type {HTMLAnchorElement} */ (dialog.querySelector('a'));
  const show = () => {
    const [title, text, verb, act] = words(state, document.body.dataset, last.now);
    /** @type {any} */ (dialog.querySelector('h2')).textContent = title;
    /** @type {any} */ (dialog.querySelector('.db p')).textContent = text;
    link.textContent = verb;
    link.dataset.act = act;
    link.href = act === 'sign-in' ? '/sign-in?next=/session/return' : location.href;
    link.target = act === 'sign-in' ? '_blank' : '';
    link.rel = 'opener';
  };
  show();
  dialog.showModal();
  link.focus();
  return new Promise((resolve) => {
    const look = async () => {
      if (document.hidden || !dialog.open) return;
      const before = state;
      const checked = await check();
      if (checked === 'same') dialog.close('same');
      else if (checked !== 'unreachable' && checked !== before) {
        state = checked;
        show();
      }
    };
    const others = typeof BroadcastChannel === 'function' ? new BroadcastChannel('session') : null;
    if (others) others.onmessage = () => look();
    addEventListener('focus', look);
    document.addEventListener('visibilitychange', look);
    link.addEventListener('click', (event) => {
      if (link.dataset.act === 'reload') {
        event.preventDefault();
        location.reload();
      }
      if (link.dataset.act === 'back') {
        event.preventDefault();
        goBack().then(look);
      }
    });
    /** @type {any} */ (dialog.querySelector('[value=later]')).addEventListener('click', () => dialog.close('later'));
    dialog.addEventListener('close', () => {
      others?.close();
      removeEventListener('focus', look);
      document.removeEventListener('visibilitychange', look);
      dialog.remove();
      resolve(dialog.returnValue === 'same' ? 'same' : state);
    });
  });
}

/** Open the page's own workspace again in this browser. */
async function goBack() {
  const body = new URLSearchParams({ [FIELD]: last.now.csrf });
  await fetch(`/settings/workspaces/${document.body.dataset.workspace}/open`, { method: 'POST', body, redirect: 'manual' });
}

// ---- forms that load a page: the session is looked at first, because the answer would take what was typed away

const LEFT_ALONE = '[method="dialog"],[action="/sign-out"],[target]';
const BY_HTMX = '[hx-post],[hx-put],[hx-patch],[hx-delete]';

/** Does submitting this form load a page, with what was typed in it at stake? Some have htmx for a preview only. */
export function loadsPage(form) {
  if (form.method !== 'post' || form.matches(LEFT_ALONE)) return false;
  return !form.matches(BY_HTMX) || !/^$|submit/.test(form.getAttribute('hx-trigger') ?? '');
}

const DOUBLE_CLICK_MS = 2000; // a page that takes longer is pressed for on purpose

/** Has this form left just now? @param {HTMLFormElement} form */
const hasJustLeft = (form) => Date.now() - Number(form.dataset.sent ?? 0) < DOUBLE_CLICK_MS;

async function send(form, submitter) {
  if (form.dataset.looking !== undefined) return;
  form.dataset.looking = '';
  const state = await check();
  if (state === 'unreachable') warn(gettext('The server did not answer. Nothing was sent, and what you entered is still here.'));
  const may = state === 'same' || (state !== 'unreachable' && (await restore()));
  delete form.dataset.looking;
  if (!may) {
    delete form.dataset.confirmed;
    return;
  }
  form.dataset.looked = '';
  form.requestSubmit(submitter);
}

/** Put the guard in front of everything that this page sends. Pages without somebody signed in need none. */
export function guard() {
  if (!document.body.dataset.user) return;
  document.addEventListener('htmx:before:request', (event) => {
    const { ctx } = /** @type {any} */ (event).detail;
    const source = ctx.sourceElement;
    if (source?.matches?.('flow-canvas')) return;
    const looks = (request) => looksOnly(request.method, source?.getAttribute?.('hx-trigger'));
    ctx.fetch = (action, request) => guarded(action, request, (...parts) => fetch(...parts), restore, looks(request));
  });
  document.addEventListener('submit', (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (event.defaultPrevented || !loadsPage(form)) return;
    if (hasJustLeft(form)) {
      delete form.dataset.looked;
      event.preventDefault();
      return;
    }
    if (form.dataset.looked !== undefined) {
      delete form.dataset.looked;
      // Whoever is asked first, by a listener after this one, has sent nothing yet.
      setTimeout(() => {
        if (!event.defaultPrevented) form.dataset.sent = String(Date.now());
      });
      return;
    }
    event.preventDefault();
    send(form, event.submitter);
  });
}
