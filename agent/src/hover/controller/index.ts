/** Controllers of user modules: Hover's slow path, as Go's gob on TCP and as JSON on a WebSocket. */
export { Controllers, WEBSOCKET_PATH } from './controllers.js';
