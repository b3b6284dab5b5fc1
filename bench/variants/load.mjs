/** Loads one product three times as a process of its own: `load.mjs <order as JSON>`. */
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

/** Seconds of one load, and of the server's processor in it. */
async function load(recordDate) {
  const before = serverSeconds();
  const started = performance.now();
  await loadProduct(order.product, { scan: { ...order.scan, recordDate }, pass: order.pass, quotas: order.quotas, date: recordDate }, site, {});
  return { wall: (performance.now() - started) / 1000, server: serverSeconds() - before };
}

const nextDate = new Date(Date.parse(order.scan.recordDate) + 86_400_000).toISOString().slice(0, 10);
const first = await load(order.scan.recordDate);
const next = await load(nextDate);
const again = await load(nextDate);
const held = [];
for (const table of order.tables) held.push(await holding(table));
await database.close();
console.log(JSON.stringify({ held, seconds: { first: first.wall, next: next.wall, again: again.wall, server: first.server + next.server + again.server }, peakBytes: process.resourceUsage().maxRSS * 1024 }));

/** Of its fields in /proc, behind the name in parentheses, user and system time, in hundredths. */
function serverSeconds() {
  const fields = readFileSync(`/proc/${order.serverPid}/stat`, 'utf8').replace(/^.*\) /su, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Rows of the last date, and the bytes that they hold, as the database has them. */
async function holding({ table, columns, dated }) {
  const rows = database.knex(table);
  if (dated) rows.where({ record_date: nextDate });
  const [{ count, bytes }] = await rows.select({ count: database.knex.raw('count(*)'), bytes: database.knex.raw(`cast(${columns.map((column) => `sum(${column})`).join(' + ')} as char)`) });
  return { rows: Number(count), bytes };
}
