import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, guard, guarded, loadsPage, looksOnly, renewed, words } from '../../app/static/session.js';

const page = { user: 'u1', userName: 'Ada', workspace: '7', workspaceName: 'Shop' };
const answer = (status, session) => ({ status, headers: new Headers(session ? { 'x-session': session } : {}) });

/** A server that answers in turn, and remembers what it was asked. */
function server(...answers) {
  const requests = [];
  const send = async (action, request) => {
    requests.push({ action, ...request });
    return answers.shift();
  };
  return { requests, send };
}

test('a page belongs to one person in one workspace', () => {
  assert.equal(compare(page, { user: 'u1', workspace: 7 }), 'same');
  assert.equal(compare(page, { user: null, workspace: null }), 'signed-out');
  assert.equal(compare(page, { user: 'u2', workspace: 7 }), 'other-user');
  assert.equal(compare(page, { user: 'u2', workspace: 8 }), 'other-user');
  assert.equal(compare(page, { user: 'u1', workspace: 70 }), 'other-workspace');
});

test('the dialog says who is signed in now and where the page belongs', () => {
  assert.match(words('other-user', page, { name: 'Bob' }).join(' '), /Bob is signed in now.*opened by Ada/);
  assert.match(words('other-workspace', page, { workspaceName: 'Club' }).join(' '), /belongs to Shop.*went to Club/);
  assert.equal(words('signed-out', page, undefined)[3], 'sign-in');
});

test('a request goes out again with the proof of the new session, in its header and its form', () => {
  const body = new FormData();
  body.set('_csrf_token', 'old');
  body.set('name', 'kept');
  const again = renewed({ method: 'POST', headers: { 'x-csrftoken': 'old', other: '1' }, body, signal: AbortSignal.abort() }, 'new');
  assert.deepEqual(again.headers, { 'x-csrftoken': 'new', other: '1' });
  assert.equal(again.body.get('_csrf_token'), 'new');
  assert.equal(again.body.get('name'), 'kept');
  assert.equal(again.signal, undefined);
  assert.equal(renewed({ headers: {}, body: '{"a":1}' }, 'new').body, '{"a":1}');
  assert.equal(renewed({ headers: {}, body: new URLSearchParams('a=1') }, 'new').body.toString(), 'a=1');
});

for (const [status, session] of [[401, 'over'], [403, 'changed']]) {
  test(`${status} ${session}: ask, and send once more`, async () => {
    const { requests, send } = server(answer(status, session), answer(200));
    const final = await guarded('/settings/profile', { method: 'POST', headers: {}, body: new URLSearchParams('name=Ada') }, send, async () => 'fresh');
    assert.equal(final.status, 200);
    assert.deepEqual(requests.map((one) => one.headers['x-csrftoken']), [undefined, 'fresh']);
    assert.equal(requests[1].body.toString(), 'name=Ada');
  });
}

test('put off: the first answer stands; it is not sent again', async () => {
  const { requests, send } = server(answer(401, 'over'));
  assert.equal((await guarded('/x', { method: 'POST', headers: {} }, send, async () => '')).status, 401);
  assert.equal(requests.length, 1);
});

test('a second refusal is not asked about again', async () => {
  const { requests, send } = server(answer(401, 'over'), answer(403, 'changed'));
  assert.equal((await guarded('/x', { method: 'POST', headers: {} }, send, async () => 'fresh')).status, 403);
  assert.equal(requests.length, 2);
});

test('a refusal for another reason is not about the session', async () => {
  for (const status of [200, 403, 404, 409, 422, 429, 503]) {
    const { send } = server(answer(status));
    const final = await guarded('/x', { method: 'POST', headers: {} }, send, () => assert.fail('asked'));
    assert.equal(final.status, status);
  }
});

test('a request that was replaced meanwhile is not sent; one that only timed out is', async () => {
  for (const [reason, sent] of [['replaced', 1], ['timeout', 2]]) {
    const control = new AbortController();
    const { requests, send } = server(answer(401, 'over'), answer(200));
    await guarded('/x', { method: 'GET', headers: {}, signal: control.signal }, send, async () => {
      control.abort(reason);
      return 'fresh';
    });
    assert.equal(requests.length, sent, reason);
  }
});

test('forms that load a page are looked after, whatever htmx does with them besides', () => {
  const form = (attributes, method = 'post') => ({
    method,
    matches: (selector) => Object.entries(attributes).some(([name, value]) => selector.includes(`[${name}]`) || selector.includes(`[${name}="${value}"]`)),
    getAttribute: (name) => attributes[name] ?? null,
  });
  assert.equal(loadsPage(form({})), true);
  assert.equal(loadsPage(form({ 'hx-post': '/templates/preview', 'hx-trigger': 'preview' })), true);
  assert.equal(loadsPage(form({ 'hx-post': '/workflows' })), false);
  assert.equal(loadsPage(form({ 'hx-put': '/x', 'hx-trigger': 'submit, change' })), false);
  assert.equal(loadsPage(form({ target: 'mail' })), false);
  assert.equal(loadsPage(form({ action: '/sign-out' })), false);
  assert.equal(loadsPage(form({}, 'get')), false);
});

test('what only shows something is told from what somebody does', () => {
  assert.equal(looksOnly(), true);
  assert.equal(looksOnly('GET', 'submit, input delay:250ms'), true);
  assert.equal(looksOnly('POST', 'load, wf:texts'), true);
  assert.equal(looksOnly('POST', 'preview'), true);
  assert.equal(looksOnly('POST', null), false);
  assert.equal(looksOnly('POST', ''), false);
  assert.equal(looksOnly('DELETE', 'click'), false);
  assert.equal(looksOnly('PUT', 'submit, change'), false);
});

/** A page under the guard with one form; `submit` presses its button, `left` counts how often it went out. */
function guardedForm(t, valid = () => true, after = () => {}) {
  const listeners = [];
  const before = { document: globalThis.document, fetch: globalThis.fetch };
  t.after(() => Object.assign(globalThis, before));
  const body = { dataset: { user: 'u1', workspace: '7' }, setAttribute: () => {} };
  const addEventListener = (type, listener) => type === 'submit' && listeners.push(listener);
  globalThis.document = /** @type {any} */ ({ body, addEventListener, querySelectorAll: () => [] });
  globalThis.fetch = /** @type {any} */ (async () => ({ ok: true, json: async () => ({ user: 'u1', workspace: 7, csrf: 'p' }) }));
  guard();
  const page = { left: 0 };
  const form = { method: 'post', dataset: {}, matches: () => false, getAttribute: () => null, requestSubmit: () => press() };
  function press() {
    if (!valid()) return;
    const event = { target: form, submitter: null, defaultPrevented: false, preventDefault: () => { event.defaultPrevented = true; } };
    for (const listener of [...listeners, after]) listener(event);
    if (!event.defaultPrevented) page.left += 1;
  }
  const turn = () => new Promise((resolve) => { setTimeout(resolve, 1); });
  const submit = async () => {
    press();
    // What the press set going for its end may have been set going after the first turn began, on a busy machine more than its 1 ms later.
    await turn();
    await turn();
  };
  return { page, submit };
}

test('a form that has just left does not leave again, and does once the page stays', async (t) => {
  const { page, submit } = guardedForm(t);
  let now = Date.now();
  t.mock.method(Date, 'now', () => now);
  await Promise.all([submit(), submit()]);
  await submit();
  assert.equal(page.left, 1);
  now += 3000;
  await submit();
  assert.equal(page.left, 2);
});

test('a form that its own fields refuse, or that asks first, leaves as soon as it may', async (t) => {
  let valid = false;
  const refused = guardedForm(t, () => valid);
  await refused.submit();
  valid = true;
  await refused.submit();
  assert.equal(refused.page.left, 1);
  let sure = false;
  const asking = guardedForm(t, () => true, (event) => sure || event.preventDefault());
  await asking.submit();
  sure = true;
  await asking.submit();
  assert.equal(asking.page.left, 1);
});
