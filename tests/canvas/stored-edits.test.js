/** What a tab that is gone left behind: who takes it up, on what revision, and when it stays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonical } from './make.js';
import { Browser, Storage } from './tabs.js';

const tag = (id, value) => ({ kind: 'update_node', nodeId: id, data: { tag: value } });
const tagOf = (graph, id) => graph.nodes.get(id)?.data.tag;
const same = (tab) => assert.equal(canonical(tab.canvas.graph), canonical(tab.browser.server.graph));

/** A browser in which a tab with unsent edits was closed. @param {Record<string, string>} tags by step */
async function closed(tags, browser = new Browser(), options = {}) {
  const tab = await browser.open(options);
  for (const [id, value] of Object.entries(tags)) tab.edit(tag(id, value));
  tab.close();
  return browser;
}

test('the same tab, loaded again, sends what it had not', async () => {
  const session = new Storage();
  const browser = await closed({ mail: 'kept' }, new Browser(), { session });
  const tab = await browser.open({ session });
  assert.deepEqual(tab.canvas.announced, ['1 change from last time is being saved.']);
  assert.equal(tagOf(tab.canvas.graph, 'mail'), 'kept');
  await tab.serve();
  assert.equal(tagOf(browser.server.graph, 'mail'), 'kept');
  assert.equal(browser.storage.length, 0);
  same(tab);
});

test('a new tab takes up what a closed one left, and keeps it under its own name until it is saved', async () => {
  const browser = await closed({ mail: 'kept', yes: 'too' });
  const tab = await browser.open();
  assert.equal(browser.storage.length, 1);
  assert.equal(tab.stored.ops.length, 2);
  await tab.serve();
  assert.equal(browser.storage.length, 0);
  same(tab);
});

test('a tab that is open keeps its edits to itself', async () => {
  const browser = new Browser();
  const first = await browser.open();
  first.edit(tag('mail', 'first'));
  const second = await browser.open();
  assert.equal(tagOf(second.canvas.graph, 'mail'), undefined);
  assert.equal(first.stored.ops.length, 1);
});

test('two tabs were closed: both tabs’ edits are sent', async () => {
  const browser = new Browser();
  const [one, two] = [await browser.open(), await browser.open()];
  one.edit(tag('mail', 'one'));
  two.edit(tag('yes', 'two'));
  one.close();
  two.close();
  const session = new Storage();
  session.setItem('client', two.sync.client);
  const tab = await browser.open({ session });
  assert.deepEqual(tab.stored.ops.map((op) => op.nodeId).sort(), ['mail', 'yes']);
  while (tab.wire.length) await tab.serve();
  assert.equal(tagOf(browser.server.graph, 'mail'), 'one');
  assert.equal(tagOf(browser.server.graph, 'yes'), 'two');
  same(tab);
});

test('edits of an older revision are sent with that revision: the server sees what came in between', async () => {
  const browser = await closed({ mail: 'kept' });
  browser.server.patch(1, { client: 'bob', ops: [{ ...tag('yes', 'theirs'), id: 'b' }] });
  const tab = await browser.open();
  assert.equal(tab.wire[0].request.headers['If-Match'], '"1"');
  await tab.serve();
  assert.equal(tagOf(tab.canvas.graph, 'yes'), 'theirs');
  assert.equal(tagOf(browser.server.graph, 'mail'), 'kept');
  tab.edit(tag('no', 'new'));
  await browser.pass(600);
  assert.equal(tab.wire[0].request.headers['If-Match'], '"3"');
});

test('others changed the same since: one is asked, nothing is overwritten', async () => {
  const browser = await closed({ mail: 'kept' });
  browser.server.patch(1, { client: 'bob', ops: [{ ...tag('mail', 'theirs'), id: 'b' }] });
  const tab = await browser.open();
  await tab.serve();
  assert.deepEqual(tab.shows, ['conflict', 'Conflict']);
  assert.equal(tagOf(browser.server.graph, 'mail'), 'theirs');
  assert.equal(tab.stored.rev, 1);
  tab.sync.resolve('theirs');
  assert.equal(browser.storage.length, 0);
  same(tab);
});

test('the step is gone meanwhile: nothing is sent, and the next edit stands on what is shown', async () => {
  const browser = await closed({ mail: 'kept' });
  browser.server.patch(1, { client: 'bob', ops: [{ kind: 'remove_node', nodeId: 'mail', id: 'b' }] });
  const tab = await browser.open();
  assert.deepEqual(tab.canvas.announced, []);
  assert.equal(tab.wire.length, 0);
  assert.equal(browser.storage.length, 0);
  tab.edit(tag('yes', 'new'));
  await browser.pass(600);
  assert.equal(tab.wire[0].request.headers['If-Match'], '"2"');
});

test('the batch had arrived, its answer had not: it is not done twice', async () => {
  const browser = new Browser();
  const tab = await browser.open();
  tab.edit(tag('mail', 'kept'), { kind: 'remove_node', nodeId: 'no' });
  await browser.pass(600);
  tab.reach(tab.wire[0]);
  tab.close();
  const next = await browser.open();
  while (next.wire.length) await next.serve();
  assert.equal(browser.server.rev, 2);
  assert.equal(browser.storage.length, 0);
  same(next);
});

test('another person, or another workflow, is not shown them, and they stay', async () => {
  for (const options of [{ user: 'bob' }, { workflow: 'w2' }, { user: '' }]) {
    const browser = await closed({ mail: 'kept' });
    const tab = await browser.open(options);
    assert.equal(tagOf(tab.canvas.graph, 'mail'), undefined, JSON.stringify(options));
    assert.equal(browser.storage.length, 1);
    const reopened = await browser.open();
    assert.equal(tagOf(reopened.canvas.graph, 'mail'), 'kept');
  }
});

test('a person who may only look leaves them for the day when they may edit again', async () => {
  const browser = await closed({ mail: 'kept' });
  const viewer = await browser.open({ mayEdit: false });
  assert.equal(tagOf(viewer.canvas.graph, 'mail'), undefined);
  assert.equal(browser.storage.length, 1);
  viewer.close();
  const editor = await browser.open();
  await editor.serve();
  assert.equal(tagOf(browser.server.graph, 'mail'), 'kept');
});

test('a browser without locks takes up its own tab’s edits only', async () => {
  const session = new Storage();
  const browser = await closed({ mail: 'kept' }, new Browser(), { session, locks: false });
  const other = await browser.open({ locks: false });
  assert.equal(tagOf(other.canvas.graph, 'mail'), undefined);
  const tab = await browser.open({ session, locks: false });
  assert.equal(tagOf(tab.canvas.graph, 'mail'), 'kept');
});

test('a full storage does not stop saving, and closing is asked about while something is only here', async () => {
  const browser = new Browser();
  const tab = await browser.open();
  const leave = () => {
    const event = new Event('beforeunload', { cancelable: true });
    tab.page.dispatchEvent(event);
    return event.defaultPrevented;
  };
  browser.storage.full = true;
  tab.edit(tag('mail', 'mine'));
  assert.equal(leave(), true);
  await browser.pass(600);
  await tab.serve();
  assert.equal(leave(), false);
  same(tab);
  browser.storage.full = false;
  tab.edit(tag('mail', 'again'));
  assert.equal(leave(), false);
  assert.equal(tab.stored.ops.length, 1);
});
