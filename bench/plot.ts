/** A plot as SVG: panels side by side, both axes logarithmic, readable on light and dark paper and by who cannot see it. */
import { shortNumber } from './statistics.ts';

export interface Series {
  name: string;
  /** Positive numbers, in the order of x. */
  points: readonly { x: number; y: number }[];
}

export interface Panel {
  /** Axis titles, with unit. */
  x: string;
  y: string;
  series: readonly Series[];
}

export interface Plot {
  title: string;
  /** What the plot shows, in sentences. */
  description: string;
  panels: readonly Panel[];
}

const panelSize = { width: 400, height: 300 };
const margin = { left: 64, right: 16, top: 64, bottom: 48 };
const titleHeight = 28;

/** Colours that differ in brightness too, by series; a mark of its own each. */
const styles = [
  { light: '#0550ae', dark: '#79c0ff', dash: 'none' },
  { light: '#bc4c00', dark: '#ffa657', dash: '6 3' },
  { light: '#1a7f37', dark: '#7ee787', dash: '2 3' },
];

const css = [
  'text { font: 12px system-ui, sans-serif; fill: #1f2328 }',
  '.title { font-size: 15px; font-weight: 600 }',
  '.paper { fill: #ffffff }',
  '.grid { stroke: #d1d9e0; stroke-width: 1 }',
  ...styles.map(({ light, dash }, index) => `.s${index} { stroke: ${light}; fill: ${light}; stroke-dasharray: ${dash} }`),
  'path { fill: none !important; stroke-width: 2 } circle { stroke: none }',
  '@media (prefers-color-scheme: dark) {',
  'text { fill: #f0f6fc } .paper { fill: #0d1117 } .grid { stroke: #3d444d }',
  ...styles.map(({ dark }, index) => `.s${index} { stroke: ${dark}; fill: ${dark} }`),
  '}',
].join('\n');

/** Throws when a panel has no points, or one that no logarithmic axis has. */
export function plotSvg({ title, description, panels }: Plot): string {
  const width = panels.length * panelSize.width;
  const height = titleHeight + panelSize.height;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="desc">${escaped(description)}</desc>`,
    `<style>${css}</style>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    `<text class="title" x="16" y="24">${escaped(title)}</text>`,
    ...panels.map((panel, index) => `<g transform="translate(${index * panelSize.width} ${titleHeight})">${panelSvg(panel)}</g>`),
    '</svg>',
    '',
  ].join('\n');
}

function panelSvg({ x, y, series }: Panel): string {
  const points = series.flatMap((each) => each.points);
  if (points.length === 0) throw new Error(`There is nothing to plot for “${y}”.`);
  const across = axis(points.map((point) => point.x), margin.left, panelSize.width - margin.right);
  // A flat line should look flat: the axis spans a decade or more.
  const up = axis(points.map((point) => point.y), panelSize.height - margin.bottom, margin.top);
  const bottom = panelSize.height - margin.bottom;
  const parts: string[] = [];
  for (const tick of across.ticks) {
    const at = round(across.place(tick));
    parts.push(`<line class="grid" x1="${at}" y1="${margin.top}" x2="${at}" y2="${bottom}"/>`, `<text x="${at}" y="${bottom + 16}" text-anchor="middle">${shortNumber(tick)}</text>`);
  }
  for (const tick of up.ticks) {
    const at = round(up.place(tick));
    parts.push(`<line class="grid" x1="${margin.left}" y1="${at}" x2="${panelSize.width - margin.right}" y2="${at}"/>`, `<text x="${margin.left - 6}" y="${at + 4}" text-anchor="end">${shortNumber(tick)}</text>`);
  }
  parts.push(`<text x="${(margin.left + panelSize.width - margin.right) / 2}" y="${panelSize.height - 8}" text-anchor="middle">${escaped(x)}</text>`, `<text x="16" y="16">${escaped(y)}</text>`);
  let legend = margin.left;
  for (const [index, { name, points }] of series.entries()) {
    const style = `s${index % styles.length}`;
    const places = points.map((point) => [round(across.place(point.x)), round(up.place(point.y))] as const);
    parts.push(`<path class="${style}" d="${places.map(([a, b], place) => `${place === 0 ? 'M' : 'L'}${a} ${b}`).join('')}"/>`);
    for (const [place, [a, b]] of places.entries()) parts.push(`<circle class="${style}" cx="${a}" cy="${b}" r="3.5"><title>${escaped(`${name}: ${shortNumber(points[place]!.x)}, ${shortNumber(points[place]!.y)}`)}</title></circle>`);
    parts.push(`<circle class="${style}" cx="${legend}" cy="40" r="3.5"/>`, `<text x="${legend + 8}" y="44">${escaped(name)}</text>`);
    legend += 24 + name.length * 7;
  }
  return parts.join('\n');
}

interface Axis {
  ticks: number[];
  place: (value: number) => number;
}

/** From the decade, or the 2 or 5 in it, below the least value to that above the most; at least a decade. */
function axis(values: readonly number[], from: number, to: number): Axis {
  if (!values.every((value) => Number.isFinite(value) && value > 0)) throw new Error('A logarithmic axis has positive numbers only.');
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const first = steps(least).findLast((step) => step <= least * 1.0001)!;
  const last = steps(Math.max(most, first * 10)).find((step) => step >= Math.max(most, first * 10) * 0.9999)!;
  const decades = Math.log10(last / first);
  const all = [...new Set(Array.from({ length: Math.ceil(decades) + 2 }, (_, decade) => steps(first * 10 ** decade)).flat())];
  const ticks = all.filter((step) => step >= first * 0.9999 && step <= last * 1.0001 && (decades <= 2 || isDecade(step)));
  return { ticks, place: (value) => from + ((to - from) * Math.log10(value / first)) / decades };
}

/** 1, 2, 5 and 10 in the decade of `value`. */
function steps(value: number): number[] {
  const exponent = Math.floor(Math.log10(value) + 1e-9);
  // Powers of a negative exponent are not exact; dividing is.
  return [1, 2, 5, 10].map((step) => (exponent < 0 ? step / 10 ** -exponent : step * 10 ** exponent));
}

const isDecade = (value: number): boolean => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9;

const round = (place: number): number => Math.round(place * 10) / 10;

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
