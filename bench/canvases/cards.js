// The same steps, lines and cards for every canvas that is compared, and the size of a card.

export const query = new URLSearchParams(location.search);
export const STEPS = Number(query.get('n') || 100);
export const [WIDTH, HEIGHT] = [220, 76];

const TITLES = ['Send email', 'Wait', 'Condition', 'Webhook', 'A/B split', 'Update contact'];
const MAIL = '<rect x="2" y="4" width="20" height="16" rx="2"/><path d="m22 7-10 7L2 7"/>';

/** Rows of 25 steps, 10 where there are few; each leads to the one below it, each ninth also to the one beside that. */
export function flow(count) {
  const columns = count > 200 ? 25 : 10;
  const place = (index) => ({ x: 40 + (index % columns) * 280, y: 40 + Math.floor(index / columns) * 150 });
  const nodes = Array.from({ length: count }, (_, index) => ({
    id: `n${index}`, title: `${TITLES[index % 6]} ${index}`, words: `Welcome series · step ${index} · template #${(index * 7) % 97}`, ...place(index),
  }));
  const edges = [];
  for (let index = 0; index + columns < count; index++) {
    edges.push({ id: `e${index}`, source: `n${index}`, target: `n${index + columns}` });
    if (index % 9 || !((index + 1) % columns) || index + columns + 1 >= count) continue;
    edges.push({ id: `f${index}`, source: `n${index}`, target: `n${index + columns + 1}` });
  }
  return { nodes, edges };
}

export const cardContent = ({ title, words }) => `<header><span class="tile"><svg width="16" height="16" viewBox="0 0 24 24" fill="none"
  stroke="currentColor" stroke-width="2">${MAIL}</svg></span><b>${title}</b></header><p>${words}</p><span class="badge">1,204</span>`;

export const curve = (x1, y1, x2, y2) => {
  const bend = Math.max(30, Math.abs(y2 - y1) / 2);
  return `M${x1},${y1}C${x1},${y1 + bend} ${x2},${y2 - bend} ${x2},${y2}`;
};
