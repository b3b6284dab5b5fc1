/** Cost a line and memory of the pass, over the number of lines and over that of groups and directories. */
import type { Panel, Series } from '../plot.ts';
import { resultOf, runRounds, spreadOver, type Result, type Variant } from '../runner.ts';
import { textTable } from '../table.ts';
import { numberText, shortNumber, spreadOf, withRange, type Figure } from '../statistics.ts';
import { figure } from './bars.ts';
import type { Input } from './inputs.ts';
import { fastest, makeInput, passVariant, type BenchContext, type Engine, type Section, type Suite, type SuiteReport } from './suite.ts';

const million = 1_000_000;

/** There are many points, and a curve shows what is amiss with one: three rounds will do. */
const mostRounds = 3;

/** The shortest scan that has all that others have. */
const leastLines = 3000;

/** 1 and 3 times powers of ten, from 1 M (or a tenth of `lines`, if that is less) to 30 M (or to `lines` if that is more; at most three times as many). */
export function lineCounts(lines: number): number[] {
  const least = Math.max(leastLines, Math.min(million, lines / 10));
  const most = Math.max(lines, Math.min(3 * lines, 30 * million));
  const steps = Array.from({ length: 10 }, (_, exponent) => [10 ** exponent, 3 * 10 ** exponent]).flat();
  return steps.filter((step) => step >= least && step <= most);
}

/** 10 to 100,000, as long as each has some lines. */
export const groupCounts = (lines: number): number[] => [10, 100, 1000, 10_000, 100_000].filter((count) => count * 20 <= lines);

const linesOfGroups = ({ lines }: BenchContext): number => Math.min(lines, 3 * million);

interface Point {
  /** What is varied. */
  x: number;
  input: Input;
}

interface Curve {
  heading: string;
  note: string;
  /** Of the x axis. */
  of: string;
  file: string;
  points: Point[];
  engines: readonly Engine[];
}

async function linesCurve(context: BenchContext): Promise<Curve> {
  const points: Point[] = [];
  for (const lines of lineCounts(context.lines)) points.push({ x: lines, input: await makeInput(context, { lines, era: context.eras.at(-1)! }) });
  return { heading: 'Over the number of lines', note: '200 groups and 80 base directories, whatever the length.', of: 'lines', file: 'performance-lines.svg', points, engines: context.engines.toReversed() };
}

async function groupsCurve(context: BenchContext): Promise<Curve> {
  const lines = linesOfGroups(context);
  const points: Point[] = [];
  for (const count of groupCounts(lines)) points.push({ x: count, input: await makeInput(context, { lines, era: context.eras.at(-1)!, groups: count, projects: count }) });
  return {
    heading: 'Over the number of groups and base directories',
    note: `${shortNumber(lines)} lines each, as many groups as base directories, and first-level directories below them: fewer lines a directory with each step.`,
    of: 'groups',
    file: 'performance-groups.svg',
    points,
    engines: [fastest(context)],
  };
}

const nameOf = ({ of }: Curve, { x }: Point, engine: string): string => `${shortNumber(x)} ${of}, ${engine}`;

function variantsOf(context: BenchContext, curve: Curve): Variant[] {
  return curve.points.flatMap((point) => curve.engines.map((engine) => passVariant(context, { name: nameOf(curve, point, engine), input: point.input, engine, products: context.products })));
}

/** Of the pass alone: starting a process weighs much where there are few lines. */
const cost = (result: Result): number[] => result.runs.map(({ own }) => ((own?.['seconds'] ?? NaN) / result.units) * 1e9);
const peak = (result: Result): number[] => result.runs.map((run) => run.peakBytes / 1e6);
const rowsOf = (result: Result): number => Object.entries(result.runs[0]?.own ?? {}).reduce((sum, [name, value]) => (name.startsWith('rows ') ? sum + value : sum), 0);

function reportOf(curve: Curve, results: readonly Result[]): { section: Section; plot: SuiteReport['plots'][number]; figures: Figure[] } {
  const resultAt = (point: Point, engine: string): Result => resultOf(results, nameOf(curve, point, engine));
  const series = (values: (result: Result) => number[]): Series[] =>
    curve.engines.map((engine) => ({ name: engine, points: curve.points.map((point) => ({ x: point.x, y: spreadOf(values(resultAt(point, engine))).median })) }));
  const panels: Panel[] = [
    { x: curve.of, y: 'cost a line (ns)', series: series(cost) },
    { x: curve.of, y: 'peak memory (MB)', series: series(peak) },
  ];
  const rows = curve.points.flatMap((point) =>
    curve.engines.map((engine) => {
      const result = resultAt(point, engine);
      return [nameOf(curve, point, engine), numberText(rowsOf(result), 0), withRange(spreadOf(cost(result)), 0), withRange(spreadOver(result, (run) => (run.cpuSeconds / result.units) * 1e9), 0), withRange(spreadOf(peak(result)), 0)];
    }),
  );
  const [first, last] = [curve.points[0]!, curve.points.at(-1)!];
  const growth = (values: (result: Result) => number[], engine: string): number[] => values(resultAt(last, engine)).map((value, round) => value / values(resultAt(first, engine))[round]!);
  return {
    section: { heading: curve.heading, notes: [curve.note, `Cost is that of the pass alone, without the start of a process; at most ${mostRounds} rounds.`], table: textTable([['variant', 'rows', 'ns/line', 'CPU ns/line', 'peak MB'], ...rows]) },
    plot: {
      file: curve.file,
      plot: {
        title: `One pass, all products: cost and memory by number of ${curve.of}`,
        description: curve.engines.map((engine) => `${engine}: ${curve.points.map((point) => `${shortNumber(point.x)} ${curve.of} ${spreadOf(cost(resultAt(point, engine))).median.toFixed(0)} ns a line and ${spreadOf(peak(resultAt(point, engine))).median.toFixed(0)} MB`).join(', ')}.`).join(' '),
        panels,
      },
    },
    figures: curve.engines.flatMap((engine) => [
      ...costOfRow(curve, resultAt(first, engine), resultAt(last, engine), engine),
      figure(`cost a line, ${shortNumber(last.x)} ÷ ${shortNumber(first.x)} ${curve.of}, ${engine}`, 'ratio', spreadOf(growth(cost, engine))),
      figure(`peak memory, ${shortNumber(last.x)} ÷ ${shortNumber(first.x)} ${curve.of}, ${engine}`, 'ratio', spreadOf(growth(peak, engine))),
    ]),
  };
}

/** Where a longer curve means more rows: what each of them costs beyond the lines. */
function costOfRow({ of }: Curve, first: Result, last: Result, engine: Engine): Figure[] {
  const rows = rowsOf(last) - rowsOf(first);
  if (first.units !== last.units || rows <= 0) return [];
  const seconds = (result: Result): number[] => result.runs.map(({ own }) => own?.['seconds'] ?? NaN);
  return [figure(`cost of a row of figures, by ${of}, ${engine}`, 'microseconds', spreadOf(seconds(last).map((value, round) => ((value - seconds(first)[round]!) / rows) * 1e6)))];
}

const curvesOf = async (context: BenchContext): Promise<Curve[]> => [await linesCurve(context), await groupsCurve(context)];

export const curvesSuite: Suite = {
  title: 'Curves',

  prepare: curvesOf,

  async run(context) {
    const curves = await curvesOf(context);
    // All in the same rounds: a point must not be slow because its hour was.
    const results = await runRounds(curves.flatMap((curve) => variantsOf(context, curve)), Math.min(context.rounds, mostRounds), context.say);
    const reports = curves.map((curve) => reportOf(curve, results));
    return {
      sections: reports.map(({ section }) => section),
      figures: reports.flatMap(({ figures }) => figures),
      plots: reports.map(({ plot }) => plot),
      data: [{ input: curves.map(({ of, points }) => ({ of, points })), results }],
    };
  },
};
