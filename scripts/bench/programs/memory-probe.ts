/** Required before a program: tells, when it ends, how much memory it had at its highest. */
const everyMs = 20;
let heapUsed = 0;
let external = 0;

const look = (): void => {
  const usage = process.memoryUsage();
  heapUsed = Math.max(heapUsed, usage.heapUsed);
  external = Math.max(external, usage.external);
};

setInterval(look, everyMs).unref();
process.once('exit', () => {
  look();
  const mebibytes = (bytes: number): number => bytes / 2 ** 20;
  const peak = {
    rssMiB: process.resourceUsage().maxRSS / 1_024,
    heapMiB: mebibytes(heapUsed),
    externalMiB: mebibytes(external),
  };
  process.stdout.write(`${JSON.stringify({ peak })}\n`);
});
