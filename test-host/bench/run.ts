import { bursts } from "./bursts.js";
import { compute } from "./compute.js";
import { factory } from "./factory.js";
import { markdownOf, tableOf } from "./figure.js";
import { buffers, handshakes, stockHandshakes } from "./handshake.js";
import { memoryChapters } from "./memory.js";
import { hostTlsMemory, productTable } from "./products.js";
import { issueChain, issueIdentities } from "./scene.js";
import { sending } from "./sending.js";
import { measureSigning } from "./signing.js";
import { splits } from "./splits.js";
import { throughput } from "./throughput.js";
import { bc66UartCost, idlePolling, uartCost } from "./uart-cost.js";

const usage = `usage: npm run bench [-- --json | --markdown] [--smoke]
  --json      {figures:[{name,value,unit,limit,ok}]} on stdout
  --markdown  what stands in docs/memory-and-time.md below the line
  --smoke     shorter, no search for the smallest heaps
Exit code 1: a limit is broken.
`;

const flags = new Set(process.argv.slice(2));
const unknown = [...flags].filter(flag => !["--json", "--markdown", "--smoke"].includes(flag));
if (unknown.length > 0) {
  process.stderr.write(`unknown: ${unknown.join(" ")}\n${usage}`);
  process.exit(2);
}

const smoke = flags.has("--smoke");
const identities = await issueIdentities();
const chain = await issueChain();
const chapters = [
  ...(await uartCost(identities)),
  await bc66UartCost(),
  await sending(smoke),
  await throughput(),
  await handshakes(chain),
  await stockHandshakes(chain),
  await buffers(chain),
  await idlePolling(identities),
  ...(await bursts(identities, smoke)),
  await productTable(identities, smoke),
  await hostTlsMemory(identities),
  ...(await memoryChapters({ identities, smoke })),
  await compute(identities),
  await measureSigning(),
  await factory(smoke),
  splits(),
];
const figures = chapters.flatMap(({ title, figures: part }) =>
  part.map(figure => ({ ...figure, name: `${title}: ${figure.name}` })),
);
if (flags.has("--json")) process.stdout.write(`${JSON.stringify({ figures }, null, 1)}\n`);
else process.stdout.write(flags.has("--markdown") ? markdownOf(chapters) : tableOf(chapters));
const broken = figures.filter(({ ok }) => !ok);
for (const { name, value, unit, limit } of broken)
  process.stderr.write(`over the limit: ${name}: ${value} ${unit}, limit ${limit}\n`);
process.exitCode = broken.length > 0 ? 1 : 0;
