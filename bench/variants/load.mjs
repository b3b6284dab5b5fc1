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

/** Seconds of one load. */
async function load(recordDate) {
  const started = performance.now();
  await loadProduct(order.product, { scan: { ...order.scan, recordDate, identity: recordDate }, pass: order.pass, quotas: order.quotas, date: recordDate }, site, {});
  return (performance.now() - started) / 1000;
}

const first = await load(order.scan.recordDate);
const next = await load(order.nextDate);
const again = await load(order.nextDate);
const found = await held(order.product);
await database.close();
console.log(JSON.stringify({ ...found, seconds: { first, next, again }, peakBytes: process.resourceUsage().maxRSS * 1024 }));

/** Rows of the newest date, and the bytes that they hold, as the database has them; null where bytes are not in one column. */
async function held(product) {
  const tables = { groups: ['lustre_usage', 'used'], users: ['user_usage', 'size'], vault: ['vault', 'size'], directories: ['directory', 'size'], ages: ['age_usage', null] };
  const [table, bytes] = tables[product];
  // A table that keeps one date only has rows of that one.
  const rows = database.knex(table).whereIn('record_date', database.knex(table).max('record_date'));
  const [{ count, sum }] = await rows.select({ count: database.knex.raw('count(*)'), sum: database.knex.raw(bytes === null ? 'null' : `cast(sum(${bytes}) as char)`) });
  return { rows: Number(count), bytes: sum };
}
