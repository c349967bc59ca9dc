// @ts-check
/** Step-through of one run: Back, Next and the slider light the path on the drawing up to the chosen step. */

const page = document.querySelector(".run-page");
if (page instanceof HTMLElement) stepThrough(page);

/** @param {HTMLElement} root */
function stepThrough(root) {
  /** @type {{node: string, edge: string}[]} */
  const path = JSON.parse(root.dataset.path ?? "[]");
  const slider = /** @type {HTMLInputElement} */ (root.querySelector("[data-step-slider]"));
  const items = new Map([...root.querySelectorAll("[data-index]")].map((li) => [Number(/** @type {HTMLElement} */ (li).dataset.index), li]));
  const buttons = /** @type {NodeListOf<HTMLButtonElement>} */ (root.querySelectorAll("[data-step]"));

  /** @param {number} index @param {boolean} follow scroll the step into view */
  function show(index, follow) {
    const at = Math.min(Math.max(index, 0), path.length - 1);
    const seen = path.slice(0, at + 1);
    const nodes = new Set(seen.map((step) => step.node));
    const edges = new Set(seen.map((step) => step.edge));
    for (const card of root.querySelectorAll("[data-node]")) {
      const id = /** @type {HTMLElement} */ (card).dataset.node ?? "";
      card.classList.toggle("dim", !nodes.has(id));
      card.classList.toggle("now", id === path[at].node);
    }
    for (const line of root.querySelectorAll("[data-edge]")) line.classList.toggle("lit", edges.has(line.getAttribute("data-edge") ?? ""));
    for (const [number, item] of items) item.classList.toggle("on", number === at);
    slider.value = String(at);
    const item = /** @type {HTMLElement | undefined} */ (items.get(at));
    const name = `Step ${at} of ${path.length - 1}`;
    slider.setAttribute("aria-valuetext", `${name}, ${item?.dataset.name ?? ""}`);
    const label = root.querySelector("[data-step-name]");
    const time = root.querySelector("[data-step-time]");
    if (label) label.textContent = name;
    if (time) time.textContent = item?.dataset.time ?? "";
    for (const button of buttons) button.disabled = button.dataset.step === "-1" ? at === 0 : at === path.length - 1;
    if (follow) item?.scrollIntoView({ block: "nearest" });
    root.querySelector(".flow-card.now")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  root.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target.closest("[data-step], [data-go]") : null;
    if (!(target instanceof HTMLElement)) return;
    show(target.dataset.go ? Number(target.dataset.go) : Number(slider.value) + Number(target.dataset.step), !target.dataset.go);
  });
  slider.addEventListener("input", () => show(Number(slider.value), true));
  show(path.length - 1, false);
  window.scrollTo(0, 0);
}
