// @ts-check
export { enhance } from '/static/code-editor.js';
