import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distance, fan, nearest, portPoint, ribbon, route } from '../../app/static/canvas/edges.js';
import { gapAt, groundAt } from '../../app/static/canvas/ground.js';
import * as view from '../../app/static/canvas/viewport.js';
import { random } from './make.js';

const near = (a, b, by = 1e-6) => assert.ok(Math.abs(a - b) <= by, `${a} is not ${b}`);

test('zooming keeps the point under the pointer, within the limits', () => {
  const dice = random(7);
  for (let i = 0; i < 500; i++) {
    const now = { x: dice.int(2000) - 1000, y: dice.int(2000) - 1000, k: 0.1 + dice.next() * 1.9 };
    const at = { x: dice.int(1400), y: dice.int(900) };
    const then = view.zoomAt(now, Math.exp(dice.next() * 4 - 2), at);
    assert.ok(then.k >= view.MIN && then.k <= view.MAX);
    near(view.toFlow(now, at).x, view.toFlow(then, at).x, 1e-6);
    near(view.toFlow(now, at).y, view.toFlow(then, at).y, 1e-6);
    const returned = view.toScreen(now, view.toFlow(now, at));
    near(returned.x, at.x);
  }
});

test('words of lines from one step to the same card stand on their own lines, none over another', () => {
  const dice = random(5);
  for (let i = 0; i < 300; i++) {
    const box = { x: dice.int(2000), y: dice.int(2000), w: 240, h: 66 };
    const to = { x: box.x + 120 + dice.int(600) - 300, y: box.y + 66 + 102 + dice.int(400) };
    const count = 2 + dice.int(2);
    const ways = Array.from({ length: count }, (_, index) => fan(portPoint(box, index, count), to, index));
    ways.forEach((way, index) => {
      assert.equal(way.label.x, portPoint(box, index, count).x);
      assert.ok(distance(way.label, way.points) < 1e-6, 'on its line');
      for (const other of ways.slice(index + 1)) assert.ok(Math.abs(way.label.y - other.label.y) >= 20 || Math.abs(way.label.x - other.label.x) >= 200);
    });
  }
});

test('fit shows the whole box and never enlarges it', () => {
  const box = { x: -300, y: 50, w: 2400, h: 3000 };
  const size = { w: 900, h: 800 };
  const seen = view.sight(view.fit(box, size), size);
  assert.ok(seen.x <= box.x && seen.y <= box.y && seen.x + seen.w >= box.x + box.w && seen.y + seen.h >= box.y + box.h);
  assert.equal(view.fit({ x: 0, y: 0, w: 240, h: 66 }, size).k, 1);
});

test('the first view is all of a small flow, and the readable top of a large one', () => {
  const size = { w: 900, h: 800 };
  const first = { x: 420, y: 0, w: 240, h: 66 };
  assert.deepEqual(view.opening({ x: 300, y: 0, w: 500, h: 600 }, first, size), view.fit({ x: 300, y: 0, w: 500, h: 600 }, size));
  const large = view.opening({ x: 0, y: 0, w: 2000, h: 3000 }, first, size);
  assert.equal(large.k, 0.8);
  assert.deepEqual(view.toScreen(large, { x: 540, y: 0 }), { x: 450, y: 56 });
  const beside = view.opening({ x: 300, y: 0, w: 500, h: 600 }, first, { w: 1160, h: 800 });
  assert.ok(view.toScreen(beside, { x: 800, y: 0 }).x <= 1160 - 356 - 32 + 0.001, 'a form that opens covers nothing');
});

test('reveal moves only when it must', () => {
  const size = { w: 800, h: 600 };
  const now = { x: 0, y: 0, k: 1 };
  assert.deepEqual(view.reveal(now, { x: 200, y: 200, w: 240, h: 66 }, size), now);
  const moved = view.reveal(now, { x: 900, y: 200, w: 240, h: 66 }, size);
  assert.equal(moved.x, 800 - 48 - 1140);
  assert.equal(moved.y, 0);
});

test('a pinch zooms about the fingers and follows them', () => {
  const then = view.pinch({ x: 0, y: 0, k: 1 }, [{ x: 100, y: 100 }, { x: 200, y: 100 }], [{ x: 60, y: 140 }, { x: 260, y: 140 }]);
  assert.equal(then.k, 2);
  assert.deepEqual(view.toFlow(then, { x: 160, y: 140 }), { x: 150, y: 100 });
});

test('wheel lines and pages become pixels and are limited', () => {
  assert.deepEqual(view.wheelPixels({ deltaX: 0, deltaY: 3, deltaMode: 1 }), { x: 0, y: 48 });
  assert.equal(view.wheelPixels({ deltaX: 0, deltaY: 9999, deltaMode: 0 }).y, 240);
  assert.ok(view.wheelFactor(9999) > 0.5 && view.wheelFactor(-10) > 1);
});

test('guides pull a box into line with its nearest neighbour', () => {
  const guides = view.guides({ x: 103, y: 300, w: 240, h: 66 }, [{ x: 100, y: 0, w: 240, h: 66 }, { x: 500, y: 304, w: 240, h: 66 }], 6);
  assert.deepEqual([guides.dx, guides.dy], [-3, 4]);
});

test('routes begin at the port, end at the step and have only straight pieces', () => {
  const dice = random(3);
  for (let i = 0; i < 300; i++) {
    const from = { x: dice.int(1000), y: dice.int(1000) };
    const to = { x: dice.int(1000), y: dice.int(1000) };
    const { points, d } = route(from, to, dice.int(2) === 1);
    assert.deepEqual([points[0], points.at(-1)], [from, to]);
    for (let at = 1; at < points.length; at++) assert.ok(Math.abs(points[at].x - points[at - 1].x) < 1 || Math.abs(points[at].y - points[at - 1].y) < 1);
    assert.ok(!d.includes('NaN'));
  }
});

test('the nearest edge is found in flow coordinates, at any zoom', () => {
  const routes = new Map([['a', route({ x: 100, y: 0 }, { x: 100, y: 400 })], ['b', route({ x: 300, y: 0 }, { x: 300, y: 400 })]]);
  for (const k of [0.5, 1, 1.5]) {
    const now = { x: 37, y: -20, k };
    const flow = view.toFlow(now, view.toScreen(now, { x: 110, y: 200 }));
    assert.equal(nearest(flow, routes, 24 / k), 'a');
    assert.equal(nearest({ x: 200, y: 200 }, routes, 24 / k), '');
    assert.equal(nearest(flow, routes, 24 / k, (id) => id !== 'a'), '');
  }
  assert.equal(distance({ x: 0, y: 5 }, [{ x: 0, y: 0 }, { x: 10, y: 0 }]), 5);
});

test('ports stand apart and inside the card', () => {
  const box = { x: 0, y: 0, w: 240, h: 66 };
  assert.equal(portPoint(box, 0, 1).x, 120);
  assert.deepEqual([0, 1].map((i) => portPoint(box, i, 2).x), [72, 168]);
  for (const count of [3, 4, 6]) {
    const xs = Array.from({ length: count }, (_, i) => portPoint(box, i, count).x);
    assert.ok(xs.every((x, i) => x > 0 && x < 240 && (i === 0 || x - xs[i - 1] >= 28)), String(xs));
  }
  assert.equal(ribbon(0, 10), 0);
  assert.ok(ribbon(10, 10) > ribbon(5, 10));
});

test('the ground begins on a dot and has room around what is in sight', () => {
  const dice = random(11);
  for (let i = 0; i < 300; i++) {
    const now = { x: dice.int(4000) - 2000, y: dice.int(4000) - 2000, k: 0.1 + dice.next() * 1.9 };
    const size = { w: 300 + dice.int(1500), h: 300 + dice.int(900) };
    const gap = gapAt(now.k);
    assert.ok(gap >= 16 && gap < 41, `dots are ${gap} px apart`);
    const at = groundAt(now, size);
    for (const part of [at.x, at.y]) near(Math.round((part * now.k) / gap) * gap, part * now.k, 1e-6);
    const ground = { ...at, w: (3 * size.w) / now.k, h: (3 * size.h) / now.k };
    assert.ok(view.contains(ground, view.sight(now, size, Math.min(size.w, size.h) - 41)));
  }
});
