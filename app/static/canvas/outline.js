// @ts-check
/**
 * The outline of a small screen: between the cards, in the order of the flow, a row for each way out. It names the way, adds a step there,
 * and says where a path joins another one. Rows of a branch stand in the order of its ports, each before the steps of its arm.
 */
import { make } from './elements.js';
import { gettext } from '../texts.js';

/** @typedef {import('./graph.js').Graph} Graph */
/** @typedef {{id: string, port: string, label: string, target: string, before: string, behind: string}} Row `target`: where it leads when that is not next */

/**
 * Where the rows go: `before` a card, else `behind` one; rows behind one card stand in this order. Pure.
 * @param {Graph} graph @param {string[]} order ids in the order of the flow @returns {Row[]}
 */
export function rowsOf(graph, order) {
  const place = new Map(order.map((id, index) => [id, index]));
  /** Does this connection alone lead down to the card? Where several meet, each says so behind its own arm. */
  const alone = (edge) => {
    const down = (one) => (place.get(one.source) ?? 0) < (place.get(edge.target) ?? 0);
    return down(edge) && graph.incoming(edge.target).filter(down).length === 1;
  };
  /** The last card of the arm that begins at a card: what only this way out leads to. */
  const endOf = (id, start) => {
    const others = graph.outgoing(id).filter((edge) => edge.target !== start).map((edge) => graph.downstream(edge.target));
    const arm = graph.downstream(start);
    let at = place.get(start) ?? 0;
    while (order[at + 1] && arm.has(order[at + 1]) && !others.some((other) => other.has(order[at + 1]))) at += 1;
    return order[at];
  };
  /** @type {Row[]} */
  const rows = [];
  for (const id of order) {
    let behind = id;
    /** @type {Row[]} */
    const trailing = [];
    for (const port of graph.ports(id)) {
      const edge = graph.edgeAt(id, port.id);
      const next = edge && alone(edge) ? edge.target : '';
      const row = { id, port: port.id, label: port.label, target: next ? '' : edge?.target ?? '', before: next, behind: next ? '' : behind };
      if (next) behind = endOf(id, next);
      (next ? rows : trailing).push(row);
    }
    rows.push(...trailing);
  }
  return rows;
}

/** Draw the rows into the list of cards. @param {import('./flow-canvas.js').FlowCanvas} canvas @param {string[]} order */
export function drawOutline(canvas, order) {
  const { graph, scene } = canvas;
  for (const old of scene.list.querySelectorAll('.path-row, .verbs')) old.remove();
  if (!canvas.outline) return;
  if (canvas.editable) for (const id of order) scene.cards.get(id)?.li.append(verbsOf(canvas, id));
  /** @type {Map<string, Element>} */
  const lasts = new Map();
  for (const row of rowsOf(graph, order)) {
    const li = rowOf(canvas, row);
    const next = scene.cards.get(row.before)?.li;
    if (next) {
      next.before(li);
      continue;
    }
    const own = `${row.behind} ${row.id}`;
    (lasts.get(own) ?? scene.cards.get(row.behind)?.li)?.after(li);
    lasts.set(own, li);
  }
}

/** @param {import('./flow-canvas.js').FlowCanvas} canvas @param {Row} row */
function rowOf(canvas, { id, port, label, target, before }) {
  const title = canvas.titleOf(id);
  const li = make('li', 'path-row', { 'data-source': id });
  if (label) {
    const words = make('span', 'via');
    words.textContent = gettext('%(label)s, after %(title)s', { label, title });
    li.append(words);
  }
  if (target) {
    const joins = make('button', 'joins', { type: 'button', 'data-do': 'look', 'data-id': target });
    joins.append(canvas.icon('corner-down-right'), gettext('Continues at %(step)s', { step: canvas.titleOf(target) }));
    li.append(joins);
  }
  if (!canvas.editable) return li;
  const way = label ? gettext(', branch “%(label)s”', { label: label }) : '';
  const follows = before || target;
  const name = follows ? gettext('Add a step between %(title)s and %(step)s', { title, step: canvas.titleOf(follows) })
    : gettext('Add a step after %(title)s%(way)s', { title, way });
  const plus = make('button', 'plus', { type: 'button', 'data-port': port, 'data-source': id, 'aria-label': name });
  plus.append(canvas.icon('plus'));
  if (!follows) {
    const words = make('span');
    words.textContent = gettext('Add a step');
    plus.append(words);
  }
  li.append(plus);
  return li;
}

/** Opens the menu of a step, which a long press opens too. @param {import('./flow-canvas.js').FlowCanvas} canvas @param {string} id */
function verbsOf(canvas, id) {
  const label = gettext('What can be done with %(step)s', { step: canvas.titleOf(id) });
  const button = make('button', 'icb verbs', { type: 'button', 'aria-label': label, 'aria-haspopup': 'menu' });
  button.append(canvas.icon('ellipsis'));
  button.addEventListener('click', () => {
    const { left, bottom } = button.getBoundingClientRect();
    canvas.menu.open(button, { x: left, y: bottom });
  });
  return button;
}
