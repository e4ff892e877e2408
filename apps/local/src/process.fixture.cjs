// A process as the fleet's own: serves, ends with its parent, and writes to its log.
const { createServer } = require('node:http');
if (process.env.FAILS === '1') {
  console.error('no reason to live');
  process.exit(3);
}
console.log(`serving as ${process.pid}`);
const server = createServer((_, response) => response.end(String(process.pid)));
server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  if (process.env.SILENT !== '1') process.send?.({ listening: 'here' });
});
const end = () => {
  server.close();
  server.closeAllConnections();
  if (process.connected) process.disconnect();
};
process.once('SIGTERM', end);
process.once('disconnect', end);
