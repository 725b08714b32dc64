export { number32 } from '../builtin/number32.js';
