/** Whatever happens to the answers, and in whatever order, all tabs end with the document that the server has. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonical, node, random } from './make.js';
import { Browser } from './tabs.js';

const move = (id, x) => ({ kind: 'move_node', nodeId: id, position: { x, y: 0 } });
const tag = (id, value) => ({ kind: 'update_node', nodeId: id, data: { tag: value } });
const ROUNDS = 60;

/** What may happen next in a tab; the answers come in any order, get lost before or after the server, or are put off. */
async function happen(tab, dice, count) {
  const [id, what] = [dice.pick(['mail', 'ask', 'yes', 'no', 'end']), dice.int(10)];
  const ops = [
    tag(id, `${count}`),
    move(id, dice.int(900)),
    { kind: 'add_node', node: node(`n${count}`, 'delay') },
    { kind: 'remove_node', nodeId: id },
    { kind: 'rename', name: `Flow ${count}` },
    { kind: 'set_priority', priority: ['urgent', 'normal', 'bulk'][count % 3] },
  ];
  if (what < 4) {
    const op = dice.pick(ops);
    if (op.kind === 'add_node' || op.kind === 'rename' || op.kind === 'set_priority' || tab.canvas.graph.nodes.has(id)) tab.edit(op);
  } else if (what < 5) await tab.browser.pass(dice.int(3000));
  else if (!tab.wire.length) tab.sync.resolve(dice.pick(['mine', 'theirs']));
  else if (what < 7) await tab.serve();
  else if (what < 8) await tab.lose();
  else await tab.settle(dice.pick([0, 429, 500, 503]));
}

for (let seed = 1; seed <= 60; seed += 1) {
  test(`any order of answers ends in the server's document (seed ${seed})`, async () => {
    const dice = random(seed * 7919);
    const browser = new Browser();
    const tabs = [await browser.open(), await browser.open(), await browser.open()];
    for (let count = 0; count < 80; count += 1) await happen(dice.pick(tabs), dice, count);
    for (let round = 0; round < ROUNDS && tabs.some((tab) => tab.sync.outbox.pending.length || tab.sync.stalled); round += 1) {
      await browser.pass(20000);
      for (const tab of tabs) {
        tab.sync.resolve(dice.pick(['mine', 'theirs']));
        if (tab.wire.length) await tab.serve();
      }
    }
    for (const tab of tabs) {
      await tab.sync.look();
      assert.deepEqual(tab.shows, ['saved', 'Saved']);
      assert.equal(canonical(tab.canvas.graph), canonical(browser.server.graph));
    }
    assert.equal(browser.storage.length, 0);
  });
}
