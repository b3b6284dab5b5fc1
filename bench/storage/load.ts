/** Rows a second into MariaDB, product by product. */
import { database as databaseSchema } from '../../config/schema.ts';
import type { ProductName } from '../../domain/storage/product-names.ts';
import { startMariaDb, type PrivateMariaDb } from '../../test/support/services/mariadb.ts';
import { program, runRounds, spreadOver, type Result, type Variant } from '../runner.ts';
import { numberText, withRange } from '../statistics.ts';
import { textTable } from '../table.ts';
import { bars, figure } from './bars.ts';
import { scriptOf } from './code.ts';
import { figuresOf, type Figures } from './figures.ts';
import type { Input } from './inputs.ts';
import { makeInput, type BenchContext, type Suite, type SuiteReport } from './suite.ts';

/**
 * Scans that give their products some 100,000 rows and more: many small projects for what has a row a group and base directory
 * (and for vaults, of which each project has one), fewer for what has a row a user or directory in each.
 */
const scans: readonly { products: readonly ProductName[]; lines: number; linesOfProject: number }[] = [
  { products: ['groups', 'ages', 'vault'], lines: 12_000_000, linesOfProject: 160 },
  { products: ['users', 'directories'], lines: 4_000_000, linesOfProject: 266 },
];
const projectsOfGroup = 3;
/** The scans are so long when `--lines` is this or more, else shorter in proportion. */
const fullLines = 10_000_000;

/** As a site would set it up: safe at a power cut, and with memory for its indexes. */
const serverArguments = ['--innodb-flush-log-at-trx-commit=1', '--innodb-buffer-pool-size=512M', '--innodb-log-file-size=256M', '--innodb-use-native-aio=1'];

/** How a load begins: on an empty database, behind the day before, or over the rows of the same date. */
const steps = ['first', 'next', 'again'] as const;

interface LoadInput {
  products: ProductName[];
  input: Input;
  groups: number;
}

async function inputsOf(context: BenchContext): Promise<LoadInput[]> {
  const inputs: LoadInput[] = [];
  for (const scan of scans) {
    const products = context.products.filter((product) => scan.products.includes(product));
    if (products.length === 0) continue;
    const lines = Math.round(scan.lines * Math.min(1, context.lines / fullLines));
    const projects = Math.ceil(lines / scan.linesOfProject);
    const groups = Math.ceil(projects / projectsOfGroup);
    // Only what comes out of it is measured here: the lightest compression will do.
    inputs.push({ products, groups, input: await makeInput(context, { lines, projects, groups, era: 'W4', level: 1 }) });
  }
  return inputs;
}

/** A process with a new database; loads the product three times (`steps`). */
function loadVariant({ code }: BenchContext, product: ProductName, { scan, pass, quotas, held, groupDump, passwdDump }: Figures, server: PrivateMariaDb): Variant {
  const tables = held[product];
  if (tables === undefined) throw new Error(`It is not known what a load of ${product} should hold.`);
  const units = tables.reduce((sum, table) => sum + table.rows, 0);
  const modules = Object.fromEntries(
    Object.entries({
      database: 'activities/platform/database/index',
      migrations: 'infra/migrations/index',
      load: 'activities/storage/load-product',
      config: 'config/schema',
    }).map(([name, module]) => [name, code.url(module)]),
  );
  const measured = (name: string): Variant => {
    const order = {
      modules,
      database: databaseSchema.parse({ client: 'mysql', host: server.host, port: server.port, user: server.user, database: name }),
      product,
      scan,
      pass,
      quotas,
      groupDump,
      passwdDump,
      tables,
      serverPid: server.pid,
    };
    return program({
      name: product,
      command: [process.execPath, scriptOf('variants/load.mjs'), JSON.stringify(order)],
      units,
      check: (output) => {
        const answer: { held: { rows: number; bytes: string }[]; peakBytes: number; seconds: Record<string, number> } = JSON.parse(output);
        for (const [index, { table, rows, bytes }] of tables.entries()) {
          const found = answer.held[index];
          if (found?.rows !== rows || found.bytes !== bytes) throw new Error(`${table} has ${JSON.stringify(found)} after loads of ${product}, expected ${rows} rows with ${bytes} bytes.`);
        }
        return { peakBytes: answer.peakBytes, ...answer.seconds };
      },
    });
  };
  return {
    name: product,
    units,
    run: async () => {
      const name = await server.createDatabase('bench');
      try {
        return await measured(name).run();
      } finally {
        await server.dropDatabase(name);
      }
    },
  };
}

const rate = (result: Result, step: string): ReturnType<typeof spreadOver> => spreadOver(result, ({ own }) => result.units / (own?.[step] ?? NaN));

export const loadSuite: Suite = {
  title: 'Loading into MariaDB',

  prepare: inputsOf,

  async run(context) {
    const inputs = await inputsOf(context);
    context.say('reading the scans whose figures are loaded …');
    const read: Figures[] = [];
    try {
      for (const { input, ...how } of inputs) read.push(await figuresOf(input, how));
      const server = await startMariaDb({ args: serverArguments });
      try {
        const variants = inputs.flatMap(({ products }, index) => products.map((product) => loadVariant(context, product, read[index]!, server)));
        const results = await runRounds(variants, context.rounds, context.say);
        return reportOf(inputs, results);
      } finally {
        await server.stop();
      }
    } finally {
      for (const figures of read) await figures.remove();
    }
  },
};

function reportOf(inputs: readonly LoadInput[], results: readonly Result[]): SuiteReport {
  const table = [
    ['product', 'rows of a load', ...steps.map((step) => `rows/s, ${step}`), 'client CPU µs/row', 'server CPU µs/row', 'client peak MB'],
    ...results.map((result) => [
      result.name,
      numberText(result.units, 0),
      ...steps.map((step) => withRange(rate(result, step), 0)),
      withRange(spreadOver(result, ({ cpuSeconds }) => (cpuSeconds / result.units / steps.length) * 1e6), 1),
      withRange(spreadOver(result, ({ own }) => ((own?.['server'] ?? NaN) / result.units / steps.length) * 1e6), 1),
      withRange(spreadOver(result, (run) => run.peakBytes / 1e6), 0),
    ]),
  ];
  return {
    sections: [
      {
        heading: 'Rows a second',
        notes: [
          'From the figures of a pass, names looked up, to the commit, over TCP within this machine, whose cores server and client share.',
          'Rows are those of all tables that a product fills: directories are in `directory`, `file_size` and `directory_usage`, ages have two rows each.',
          'First: into an empty database, whose names are all new. Next: the day after, as every night. Again: that date once more, in place of its rows.',
          'CPU is that of all three loads by their rows; the client’s with its start and the making of the tables.',
          `The server keeps a commit over a power cut (${serverArguments.join(' ')}).`,
        ],
        table: textTable(table),
      },
    ],
    figures: results.flatMap((result) => [
      figure(`load of ${result.name}, every name new`, 'rowsPerSecond', rate(result, 'first'), bars.load),
      figure(`load of ${result.name}, the next night`, 'rowsPerSecond', rate(result, 'next'), bars.load),
      figure(`load of ${result.name}, the same date again`, 'rowsPerSecond', rate(result, 'again'), bars.load),
    ]),
    plots: [],
    data: [{ input: inputs, results }],
  };
}
