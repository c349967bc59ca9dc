import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonical, node } from './make.js';
import { Browser, Server, Storage } from './tabs.js';

const move = (id, x) => ({ kind: 'move_node', nodeId: id, position: { x, y: 0 } });
const tag = (id, value) => ({ kind: 'update_node', nodeId: id, data: { tag: value } });
const tagOf = (graph, id) => graph.nodes.get(id)?.data.tag;
const same = (tab) => assert.equal(canonical(tab.canvas.graph), canonical(tab.browser.server.graph));

/** Let what waits for an answer go on. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A tab that has changed the tag of `mail`, and the request with it on its way. */
async function sending(server = new Server()) {
  const tab = await new Browser(server).open();
  tab.edit(tag('mail', 'mine'));
  await tab.browser.pass(600);
  assert.equal(tab.wire.length, 1);
  return tab;
}

test('a batch leaves 600 ms after the last edit, with the revision, the tab and each op once', async () => {
  const tab = await new Browser().open();
  tab.edit(move('mail', 8));
  await tab.browser.pass(599);
  tab.edit(move('mail', 16));
  await tab.browser.pass(599);
  assert.equal(tab.wire.length, 0);
  assert.deepEqual(tab.shows, ['saving', 'Saving']);
  await tab.browser.pass(1);
  const [{ request }] = tab.wire;
  assert.equal(request.headers['If-Match'], '"1"');
  const { client, ops } = JSON.parse(request.body);
  assert.equal(client, tab.sync.client);
  assert.deepEqual(ops.map((op) => op.position.x), [16]);
  await tab.serve();
  assert.deepEqual(tab.shows, ['saved', 'Saved']);
  assert.equal(tab.browser.storage.length, 0);
  same(tab);
});

test('what is edited while a batch flies is sent when its answer is there', async () => {
  const tab = await sending();
  tab.edit(tag('mail', 'later'));
  await tab.browser.pass(5000);
  assert.equal(tab.wire.length, 1);
  assert.equal(tab.stored.ops.length, 2);
  await tab.serve();
  await tab.serve();
  assert.equal(tagOf(tab.browser.server.graph, 'mail'), 'later');
  same(tab);
});

test('others touched something else: theirs is shown below mine', async () => {
  const tab = await sending();
  tab.browser.server.patch(1, { client: 'bob', ops: [{ ...tag('yes', 'theirs'), id: 'b' }] });
  await tab.serve();
  assert.equal(tagOf(tab.canvas.graph, 'yes'), 'theirs');
  assert.equal(tagOf(tab.canvas.graph, 'mail'), 'mine');
  same(tab);
});

test('others touched the same: nothing is sent until somebody chooses', async () => {
  for (const [answer, winner] of [['mine', 'mine'], ['theirs', 'theirs']]) {
    const tab = await sending();
    tab.browser.server.patch(1, { client: 'bob', ops: [{ ...tag('mail', 'theirs'), id: 'b' }] });
    await tab.serve();
    assert.deepEqual(tab.shows, ['conflict', 'Conflict']);
    assert.equal(await tab.sync.settled(), false);
    tab.edit(tag('yes', 'meanwhile'));
    await tab.browser.pass(60000);
    assert.equal(tab.wire.length, 0);
    assert.equal(tab.stored.ops.length, 2);
    tab.sync.resolve(answer);
    if (answer === 'mine') {
      assert.equal(tab.wire[0].request.headers['If-Match'], '"2"');
      await tab.serve();
    }
    assert.equal(tab.wire.length, 0);
    assert.deepEqual(tab.shows, ['saved', 'Saved']);
    assert.equal(tagOf(tab.browser.server.graph, 'mail'), winner);
    assert.equal(tagOf(tab.browser.server.graph, 'yes'), answer === 'mine' ? 'meanwhile' : undefined);
    assert.equal(tab.browser.storage.length, 0);
    same(tab);
  }
});

test('cards that were asked for before a save are asked for again after it', async () => {
  const tab = await sending();
  tab.browser.server.patch(1, { client: 'bob', ops: [{ ...tag('mail', 'theirs'), id: 'b' }] });
  await tab.serve();
  tab.holdsCards = true;
  tab.sync.resolve('mine');
  assert.equal(tab.cards.length, 1);
  await tab.serve();
  tab.cards[0]();
  await turn();
  assert.equal(tab.cards.length, 2, 'the first answer may show what was there before the save');
  tab.cards[1]();
  await turn();
  assert.equal(tab.cards.length, 2);
});

test('my side as a copy: it is kept here until the server has it', async () => {
  const tab = await sending();
  tab.edit(tag('yes', 'mine too'));
  tab.browser.server.patch(1, { client: 'bob', ops: [{ ...tag('mail', 'theirs'), id: 'b' }] });
  await tab.serve();
  for (const failure of [0, 422, 503]) {
    tab.sync.resolve('copy');
    assert.deepEqual([tab.posts.length, tab.stored?.ops.length], [1, 2]);
    assert.equal(JSON.parse(tab.posts[0].values.graph).nodes.find((one) => one.id === 'yes').data.tag, 'mine too');
    tab.answerPost(failure);
    assert.deepEqual([tab.stored.ops.length, ...tab.shows], [2, 'conflict', 'Conflict']);
  }
  tab.sync.resolve('copy');
  tab.sync.resolve('copy');
  assert.equal(tab.posts.length, 1);
  tab.answerPost(200);
  assert.equal(tab.browser.storage.length, 0);
  assert.equal(tab.browser.server.rev, 2);
});

test('they took away the step that mine is about: mine goes with it, the rest of mine is sent', async () => {
  const tab = await sending();
  tab.edit(move('no', 8));
  tab.browser.server.patch(1, { client: 'bob', ops: [{ kind: 'remove_node', nodeId: 'mail', id: 'b' }] });
  await tab.serve();
  tab.sync.resolve('mine');
  await tab.serve();
  assert.equal(tab.browser.server.graph.nodes.get('no').position.x, 8);
  same(tab);
});

for (const status of [0, 408, 429, 500, 502, 503, 504]) {
  test(`${status || 'no answer'}: kept, and sent again under the same ids, slower each time`, async () => {
    const tab = await sending();
    const ids = tab.stored.ops.map((op) => op.id);
    for (const wait of [1000, 2000, 5000]) {
      await tab.settle(status);
      assert.deepEqual(tab.shows, ['offline', 'Not saved yet, 1 change kept']);
      await tab.browser.pass(wait - 1);
      assert.equal(tab.wire.length, 0);
      await tab.browser.pass(1);
      assert.deepEqual(JSON.parse(tab.wire[0].request.body).ops.map((op) => op.id), ids);
    }
    await tab.serve();
    assert.deepEqual(tab.shows, ['saved', 'Saved']);
    same(tab);
  });
}

test('the server says when to come again', async () => {
  const tab = await sending();
  await tab.settle(429, {}, { 'retry-after': '30' });
  await tab.browser.pass(29999);
  assert.equal(tab.wire.length, 0);
  await tab.browser.pass(1);
  assert.equal(tab.wire.length, 1);
});

test('an answer that was lost after the server took the batch changes nothing twice', async () => {
  const tab = await sending();
  tab.edit({ kind: 'add_node', node: node('new', 'delay') });
  await tab.lose();
  await tab.browser.pass(1000);
  await tab.serve();
  await tab.browser.pass(1000);
  assert.equal(tab.wire.length, 0);
  assert.equal(tab.browser.server.rev, 3);
  same(tab);
});

test('keeping mine holds even when the server had it before the others changed it again', async () => {
  const tab = await sending();
  await tab.lose();
  tab.browser.server.patch(2, { client: 'bob', ops: [{ ...tag('mail', 'theirs'), id: 'b' }] });
  tab.edit(move('mail', 8));
  tab.browser.server.patch(3, { client: 'bob', ops: [{ ...move('mail', 80), id: 'c' }] });
  await tab.browser.pass(1000);
  await tab.serve();
  tab.sync.resolve('mine');
  await tab.serve();
  assert.equal(tagOf(tab.browser.server.graph, 'mail'), 'mine');
  same(tab);
});

test('the network is back: sent at once', async () => {
  const tab = await sending();
  tab.page.navigator.onLine = false;
  await tab.settle(0);
  assert.deepEqual(tab.shows, ['offline', 'Offline, 1 change kept']);
  tab.page.navigator.onLine = true;
  tab.page.dispatchEvent(new Event('online'));
  assert.equal(tab.wire.length, 1);
  await tab.serve();
  same(tab);
});

for (const [status, headers] of [[401, {}], [401, { 'x-session': 'over' }], [403, { 'x-session': 'changed' }]]) {
  test(`${status} ${headers['x-session'] ?? ''}: kept until the session is back, whatever happens meanwhile`, async () => {
    const tab = await sending();
    await tab.settle(status, {}, headers);
    tab.edit(move('mail', 8));
    await tab.browser.pass(600000);
    tab.page.dispatchEvent(new Event('online'));
    assert.equal(tab.wire.length, 0);
    assert.deepEqual(tab.shows, ['offline', 'Signed out, 2 changes kept']);
    assert.equal(tab.stored.ops.length, 2);
    tab.page.document.dispatchEvent(new Event('session:back'));
    await tab.serve();
    assert.deepEqual(tab.shows, ['saved', 'Saved']);
    same(tab);
  });
}

test('who may not save here is offered a copy; it stays kept until it is discarded', async () => {
  for (const status of [403, 404, 409]) {
    const tab = await sending();
    await tab.settle(status, { message: 'no' });
    assert.match(tab.offers[0].json, /mine/);
    assert.deepEqual(tab.shows, ['conflict', 'Not saved, 1 change kept']);
    await tab.browser.pass(600000);
    assert.equal(tab.wire.length, 0);
    assert.equal(tab.stored.ops.length, 1);
    assert.ok(!tab.reloaded);
    tab.choice = 'discard';
    await tab.sync.offer();
    assert.equal(tab.stored, null);
    assert.ok(tab.reloaded);
  }
});

test('a refused op is taken back, said, and the rest is sent', async () => {
  const tab = await sending();
  tab.edit(move('yes', 8));
  await tab.settle(422, { message: 'Too long.', errors: [{ path: 'ops[0].data', message: 'Too long.' }] });
  assert.equal(tagOf(tab.canvas.graph, 'mail'), undefined);
  assert.deepEqual(tab.canvas.announced, ['Too long.']);
  const [{ detail }] = tab.canvas.events.filter((one) => one.name === 'wf:refused');
  assert.equal(detail.errors[0].nodeId, 'mail');
  await tab.serve();
  assert.equal(tab.browser.server.graph.nodes.get('yes').position.x, 8);
  same(tab);
});

test('a form that reloads the page waits for the answer', async () => {
  const tab = await sending();
  const waiting = tab.sync.settled();
  await tab.serve();
  assert.equal(await waiting, true);
  tab.edit(move('mail', 80));
  const failing = tab.sync.settled();
  await tab.settle(503);
  assert.equal(await failing, false);
});

for (const [what, hands] of [
  ['dragged', { gestures: { gesture: {}, links: {} } }],
  ['drawn', { gestures: { gesture: null, links: { open: {} } } }],
  ['typed', { panel: { waiting: true, commit() {} } }],
]) {
  test(`what others saved waits while something is ${what} that was begun during the look`, async () => {
    const browser = new Browser();
    const [tab, other] = [await browser.open(), await browser.open({ session: new Storage() })];
    other.edit(tag('mail', 'theirs'));
    await browser.pass(600);
    await other.serve();
    const free = { gestures: tab.canvas.gestures, panel: tab.canvas.panel };
    const look = tab.sync.look();
    Object.assign(tab.canvas, hands);
    await look;
    assert.equal(tagOf(tab.canvas.graph, 'mail'), undefined);
    Object.assign(tab.canvas, free);
    await browser.pass(1000);
    assert.equal(tagOf(tab.canvas.graph, 'mail'), 'theirs');
    same(tab);
  });
}

for (const where of ['waits to be sent', 'is still in the form']) {
  test(`others changed the same step as what ${where} while another change was on its way: nobody's is lost unasked`, async () => {
    const server = new Server();
    const tab = await new Browser(server).open();
    tab.edit(move('yes', 8));
    await tab.browser.pass(600);
    server.patch(1, { client: 'other', ops: [{ ...tag('mail', 'theirs'), id: 'o1' }] });
    if (where === 'waits to be sent') tab.edit(tag('mail', 'mine'));
    else tab.canvas.panel = { about: 'mail', waiting: true, commit() { if (this.waiting) tab.edit(tag('mail', 'mine')); this.waiting = false; }, reload() {} };
    await tab.serve();
    assert.equal(tagOf(tab.canvas.graph, 'mail'), 'mine');
    await tab.browser.pass(600);
    await tab.serve();
    assert.equal(tagOf(server.graph, 'mail'), 'theirs');
    assert.ok(tab.sync.stalled);
    tab.sync.resolve('mine');
    await tab.serve();
    assert.equal(tagOf(server.graph, 'mail'), 'mine');
    same(tab);
  });
}
