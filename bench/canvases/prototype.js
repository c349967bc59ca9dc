// The first sketch of the canvas, by which the goals were set: cards and lines that can be moved, panned and zoomed, and nothing else.
// What is out of sight is not drawn, and what is far away has no words.
import { HEIGHT, STEPS, WIDTH, cardContent, curve, flow } from './cards.js';

const SVG = 'http://www.w3.org/2000/svg';
const FAR = 0.5;

class Sketch extends HTMLElement {
  connectedCallback() {
    const { nodes, edges } = flow(STEPS);
    this.className = 'host';
    this.plane = Object.assign(document.createElement('div'), { className: 'plane' });
    const svg = document.createElementNS(SVG, 'svg');
    svg.classList.add('edges');
    this.steps = new Map();
    this.lines = [];
    const cards = document.createDocumentFragment();
    for (const step of nodes) {
      const element = Object.assign(document.createElement('div'), { className: 'step', tabIndex: -1 });
      element.dataset.id = step.id;
      element.innerHTML = `<div class="card">${cardContent(step)}</div><span class="port in"></span><span class="port out"></span>
        <button class="plus" tabindex="-1">+</button>`;
      element.style.transform = `translate(${step.x}px,${step.y}px)`;
      cards.append(element);
      this.steps.set(step.id, { ...step, element, lines: [] });
    }
    for (const edge of edges) {
      const line = { from: this.steps.get(edge.source), to: this.steps.get(edge.target), path: document.createElementNS(SVG, 'path') };
      this.lines.push(line);
      for (const step of [line.from, line.to]) step.lines.push(line);
      this.draw(line);
      svg.append(line.path);
    }
    this.plane.append(svg, cards);
    this.append(this.plane);
    this.view = { x: 0, y: 0, k: 1 };
    this.cull();
    this.addEventListener('pointerdown', (event) => this.down(event));
    this.addEventListener('wheel', (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * 0.002), event.clientX, event.clientY);
    }, { passive: false });
  }

  draw({ from, to, path }) {
    path.setAttribute('d', curve(from.x + WIDTH / 2, from.y + HEIGHT, to.x + WIDTH / 2, to.y));
  }

  schedule() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.flush();
    });
  }

  flush() {
    if (this.turned) {
      this.turned = false;
      const { x, y, k } = this.view;
      this.plane.style.transform = `translate(${x}px,${y}px) scale(${k})`;
      this.style.backgroundPosition = `${x}px ${y}px`;
      this.style.backgroundSize = `${20 * k}px ${20 * k}px`;
      if (k < FAR !== this.far) this.plane.classList.toggle('far', (this.far = k < FAR));
      this.cull();
    }
    if (!this.moved) return;
    for (const step of this.moved) {
      step.element.style.transform = `translate(${step.x}px,${step.y}px)`;
      for (const line of step.lines) this.draw(line);
    }
    this.moved = null;
  }

  cull() {
    const { x, y, k } = this.view;
    const [left, top, right, bottom] = [-x / k - 300, -y / k - 200, (innerWidth - x) / k + 300, (innerHeight - y) / k + 200];
    for (const step of this.steps.values()) {
      const seen = step.x < right && step.x + WIDTH > left && step.y < bottom && step.y + HEIGHT > top;
      if (step.seen !== seen) step.element.style.display = (step.seen = seen) ? '' : 'none';
    }
    for (const line of this.lines) {
      const seen = line.from.seen || line.to.seen;
      if (line.seen !== seen) line.path.style.display = (line.seen = seen) ? '' : 'none';
    }
  }

  zoom(factor, atX, atY) {
    const k = Math.min(2, Math.max(0.1, this.view.k * factor));
    const by = k / this.view.k;
    this.view = { k, x: atX - (atX - this.view.x) * by, y: atY - (atY - this.view.y) * by };
    this.turned = true;
    this.schedule();
  }

  down(event) {
    const step = this.steps.get(event.target.closest('.step')?.dataset.id);
    let [lastX, lastY] = [event.clientX, event.clientY];
    this.setPointerCapture(event.pointerId);
    const move = (now) => {
      const [dx, dy] = [now.clientX - lastX, now.clientY - lastY];
      [lastX, lastY] = [now.clientX, now.clientY];
      if (step) {
        step.x += dx / this.view.k;
        step.y += dy / this.view.k;
        (this.moved ??= new Set()).add(step);
      } else {
        this.view.x += dx;
        this.view.y += dy;
        this.turned = true;
      }
      this.schedule();
    };
    const up = () => {
      this.removeEventListener('pointermove', move);
      this.removeEventListener('pointerup', up);
    };
    this.addEventListener('pointermove', move);
    this.addEventListener('pointerup', up);
  }
}
customElements.define('sketch-canvas', Sketch);
document.body.append(document.createElement('sketch-canvas'));
document.body.dataset.ready = '';
