// @ts-check
/** The box of `ui.file_field`: says which file was chosen and how large it is, takes one that is dropped, and gives it up again. */
import { language } from './texts.js';

/** Bytes as the server says them: 812 B, 1.9 KB, 3.2 MB. @param {number} bytes */
export function sizeInWords(bytes, locale = language()) {
  const power = bytes < 1000 ? 0 : bytes < 1_000_000 ? 1 : 2;
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format(bytes / 1000 ** power);
  return `${number} ${['B', 'KB', 'MB'][power]}`;
}

/** @param {EventTarget | null} target */
const boxOf = (target) => /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (target)?.closest?.('.filebox') ?? null);
/** @param {HTMLElement} box */
const inputOf = (box) => /** @type {HTMLInputElement} */ (box.querySelector('input[type=file]'));

/** @param {HTMLElement} box */
function show(box) {
  const file = inputOf(box).files?.[0];
  const chosen = /** @type {HTMLElement} */ (box.querySelector('[role=status]'));
  const choose = /** @type {HTMLElement} */ (box.querySelector('.btn'));
  const words = choose.dataset.words ?? choose.textContent ?? '';
  choose.dataset.words = words;
  choose.textContent = file ? (choose.dataset.again ?? words) : words;
  box.classList.toggle('filled', !!file);
  /** @type {HTMLElement} */ (box.querySelector('.icb')).hidden = !file;
  if (!file) return chosen.replaceChildren();
  const [name, size] = [document.createElement('b'), document.createElement('span')];
  name.className = 'b';
  name.dir = 'auto';
  name.textContent = file.name;
  size.className = 'd num';
  size.textContent = sizeInWords(file.size);
  chosen.replaceChildren(name, ' ', size);
}

/** Give the control these files, or none, as if somebody had chosen them. @param {HTMLElement} box @param {File[]} files */
function choose(box, files) {
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  inputOf(box).files = transfer.files;
  for (const type of ['input', 'change']) inputOf(box).dispatchEvent(new Event(type, { bubbles: true }));
}

function listen() {
  document.addEventListener('change', (event) => {
    const box = boxOf(event.target);
    if (box) show(box);
  });
  document.addEventListener('click', (event) => {
    const box = boxOf(event.target);
    if (!box || !(/** @type {HTMLElement} */ (event.target).closest('.icb'))) return;
    choose(box, []);
    inputOf(box).focus();
  });
  for (const type of ['dragover', 'dragleave', 'drop'])
    document.addEventListener(type, (event) => {
      const box = boxOf(event.target);
      const files = /** @type {DragEvent} */ (event).dataTransfer;
      if (!box || !files?.types.includes('Files')) return;
      // Leaving one part of the box for another is no leaving.
      const inside = type === 'dragleave' && boxOf(/** @type {DragEvent} */ (event).relatedTarget) === box;
      box.classList.toggle('over', type === 'dragover' || inside);
      if (type === 'dragleave') return;
      event.preventDefault();
      if (type === 'drop') choose(box, [...files.files].slice(0, 1));
    });
  // A browser that comes back to a page may have kept the file.
  for (const box of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.filebox'))) show(box);
}

if (globalThis.document) listen();
