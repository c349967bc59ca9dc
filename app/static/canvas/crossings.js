// @ts-check
/** How many lines cross when they leave their steps by the ports as these stand, from left to right. */

/** @typedef {{source: string, target: string, port: number}} Line `port`: its place among the ways out of its step */
/** @typedef {{x: number, y: number}} Centre */

/**
 * Lines from steps of one row are compared, pair by pair: flows have a hundred steps at most.
 * @param {Line[]} lines @param {(id: string) => Centre} centre
 */
export function crossings(lines, centre) {
  const ends = lines.map(({ source, target, port }) => ({ from: centre(source), to: centre(target), port }));
  let count = 0;
  ends.forEach((a, index) => {
    for (const b of ends.slice(index + 1)) {
      if (a.from.y !== b.from.y) continue;
      const begin = a.from.x - b.from.x || a.port - b.port;
      if (begin * (a.to.x - b.to.x) < 0) count += 1;
    }
  });
  return count;
}
