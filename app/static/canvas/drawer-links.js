// @ts-check
/** Links in forms that open a drawer over the builder: each names the module that does, which is loaded when it is first needed. With a key
 * held down such a link leads where it says. @param {MouseEvent} event */
export function openDrawer(event) {
  const link = /** @type {any} */ (event.target).closest('[data-drawer]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  import(link.dataset.drawer).then((module) => module.openDrawer(link));
}
