/** Rows a second into MariaDB, product by product. */
import { database as databaseSchema } from '../../config/schema.ts';
import type { ProductName } from '../../domain/storage/product-names.ts';
import { startMariaDb, type PrivateMariaDb } from '../../test/support/services/mariadb.ts';
import { program, resultOf, runRounds, spreadOver, type Result, type Variant } from '../runner.ts';
import { numberText, withRange } from '../statistics.ts';
import { textTable } from '../table.ts';
import { bars, figure } from './bars.ts';
import { scriptOf } from './code.ts';
import { figuresOf, type Figures } from './figures.ts';
import type { Input } from './inputs.ts';
import { makeInput, type BenchContext, type Suite } from './suite.ts';

/** Lines that give each product more than 100,000 rows with so many lines a project. */
const mostLines = 12_000_000;
const linesOfProject = 266;
const projectsOfGroup = 3;

/** As a site would set it up: safe at a power cut, and with memory for its indexes. */
const serverArguments = ['--innodb-flush-log-at-trx-commit=1', '--innodb-buffer-pool-size=512M', '--innodb-log-file-size=256M', '--innodb-use-native-aio=1'];

/** How a load begins: on an empty database, with names known, or over the rows of the same date. */
export const loadSteps = ['first', 'next', 'again'] as const;

function sizesOf({ lines }: BenchContext): { lines: number; groups: number; projects: number } {
  const most = Math.min(mostLines, Math.max(1000, Math.round(lines * 1.2)));
  const projects = Math.max(10, Math.round(most / linesOfProject));
  return { lines: most, projects, groups: Math.max(5, Math.round(projects / projectsOfGroup)) };
}

// Only what comes out of it is measured here: the lightest compression will do.
const inputFor = (context: BenchContext): Promise<Input> => makeInput(context, { ...sizesOf(context), era: 'W4', level: 1 });

/** A process with a new database; loads the product three times (`loadSteps`). */
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
      nextDate: '2026-09-21',
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

  prepare: inputFor,

  async run(context) {
    const input = await inputFor(context);
    const { groups } = sizesOf(context);
    const products = context.products.filter((product) => product !== 'split'); // of which the database keeps no rows
    context.say('reading the scan whose figures are loaded …');
    const figures = await figuresOf(input, { products, groups });
    const server = await startMariaDb({ args: serverArguments });
    try {
      const results = await runRounds(products.map((product) => loadVariant(context, product, figures, server)), context.rounds, context.say);
      const table = [
        ['product', 'rows of a load', 'rows/s, first', 'rows/s, next date', 'rows/s, again', 'client peak MB'],
        ...results.map((result) => [result.name, numberText(result.units, 0), ...loadSteps.map((step) => withRange(rate(result, step), 0)), withRange(spreadOver(result, (run) => run.peakBytes / 1e6), 0)]),
      ];
      return {
        sections: [
          {
            heading: 'Rows a second',
            notes: [
              'From the figures of a pass, names looked up, to the commit, over a socket of this machine; server and client share its cores.',
              'Rows are those of all tables that a product fills: directories are in `directory`, `file_size` and `directory_usage`, ages have two rows each.',
              'First: into an empty database, whose names are all new. Next date: the names are there. Again: the same date once more, in place of its rows.',
              `The server keeps a commit over a power cut (${serverArguments.join(' ')}).`,
            ],
            table: textTable(table),
          },
        ],
        figures: products.flatMap((product) => [
          figure(`load of ${product}, a new date`, 'rowsPerSecond', rate(resultOf(results, product), 'next'), bars.load),
          figure(`load of ${product}, the same date again`, 'rowsPerSecond', rate(resultOf(results, product), 'again'), bars.load),
        ]),
        plots: [],
        data: [{ input, results }],
      };
    } finally {
      await server.stop();
      await figures.remove();
    }
  },
};
