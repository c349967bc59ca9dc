// @ts-check
export { enhance } from '/static/canvas/code-editor.js';
