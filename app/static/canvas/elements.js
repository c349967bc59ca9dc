// @ts-check
const SVG = 'http://www.w3.org/2000/svg';

/** @param {string} name @param {string} [cls] @param {Record<string, string>} [attributes] @returns {any} */
export const make = (name, cls = '', attributes = {}) => {
  const element = ['path', 'g', 'circle', 'line', 'use', 'svg'].includes(name) ? document.createElementNS(SVG, name) : document.createElement(name);
  if (cls) element.setAttribute('class', cls);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};
