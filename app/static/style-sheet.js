// @ts-check
/** Style sheets of what is loaded when it is first used. */

/** Resolves once the sheet is there, or cannot be had. @param {string} href @returns {Promise<void>} */
export function styled(href) {
  if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href });
  return new Promise((resolve) => {
    link.onload = link.onerror = () => resolve();
    document.head.append(link);
  });
}
