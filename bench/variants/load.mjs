/** Loads one product twice as a process of its own: `load.mjs <order as JSON>`. */
import { readFileSync } from 'node:fs';

const order = JSON.parse(process.argv[2]);
const [{ openDatabase, migrate }, { migrations }, { loadProduct }, { configSchema }] = await Promise.all(['database', 'migrations', 'load', 'config'].map((name) => import(order.modules[name])));

const config = configSchema.parse({ databases: { storage: order.database } });
const database = await openDatabase(order.database, { pipeline: 'storage', stateDirectory: '/nowhere', readSecret: async () => '' });
await migrate(database, migrations.storage);

const fields = (file) => readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => line.split(':'));
const known = { at: new Date().toISOString(), source: 'dumps', groups: new Map(fields(order.groupDump).map(([name, , gid]) => [Number(gid), { name, pi: { uid: `pi${gid % 100}`, name: `Pi ${gid % 100}` } }])) };
const accounts = new Map(fields(order.passwdDump).map(([name, , uid]) => [Number(uid), name]));
const site = { config, database, names: async () => known, accounts: async () => accounts };

/** Seconds of one load. */
async function load() {
  const started = performance.now();
  await loadProduct(order.product, { scan: order.scan, pass: order.pass, quotas: order.quotas, date: order.scan.recordDate }, site, {});
  return (performance.now() - started) / 1000;
}

const first = await load();
const again = await load();
const held = [];
for (const table of order.tables) held.push(await holding(table));
await database.close();
console.log(JSON.stringify({ held, seconds: { first, again }, peakBytes: process.resourceUsage().maxRSS * 1024 }));

/** Rows of the date, and the bytes that they hold, as the database has them. */
async function holding({ table, columns, dated }) {
  const rows = database.knex(table);
  if (dated) rows.where({ record_date: order.scan.recordDate });
  const [{ count, bytes }] = await rows.select({ count: database.knex.raw('count(*)'), bytes: database.knex.raw(`cast(${columns.map((column) => `sum(${column})`).join(' + ')} as char)`) });
  return { rows: Number(count), bytes };
}
