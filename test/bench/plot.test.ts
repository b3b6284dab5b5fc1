import assert from 'node:assert/strict';
import { plotSvg } from '../../bench/plot.ts';

const plot = (points: { x: number; y: number }[], name = 'libisal') => plotSvg({ title: 'Cost & memory', description: 'a < b', panels: [{ x: 'lines', y: 'ns', series: [{ name, points }] }] });
const marks = (svg: string): { x: number; y: number }[] => [...svg.matchAll(/<circle class="s\d" cx="([\d.]+)" cy="([\d.]+)" r="3.5"><title>/gu)].map(([, x, y]) => ({ x: Number(x), y: Number(y) }));
const ticks = (svg: string, anchor: string): string[] => [...svg.matchAll(new RegExp(`text-anchor="${anchor}">([^<]*)`, 'gu'))].map(([, text]) => text!);

describe('plots of the bench', () => {
  it('put equal ratios at equal distances', () => {
    const [a, b, c] = marks(plot([{ x: 10, y: 1 }, { x: 100, y: 10 }, { x: 1000, y: 100 }])) as [{ x: number; y: number }, { x: number; y: number }, { x: number; y: number }];
    assert.ok(Math.abs(b.x - a.x - (c.x - b.x)) < 0.2);
    assert.ok(Math.abs(a.y - b.y - (b.y - c.y)) < 0.2);
    assert.ok(a.x < b.x && a.y > b.y);
  });

  it('show a flat line on an axis of a decade', () => {
    const svg = plot([{ x: 1e6, y: 300 }, { x: 3e7, y: 303 }]);
    assert.deepEqual(ticks(svg, 'end'), ['200', '500', '1 k', '2 k']);
    assert.deepEqual(ticks(svg, 'middle').slice(0, -1), ['1 M', '2 M', '5 M', '10 M', '20 M', '50 M']);
  });

  it('name only decades where there are many', () => assert.deepEqual(ticks(plot([{ x: 10, y: 1 }, { x: 100_000, y: 1 }]), 'middle').slice(0, -1), ['10', '100', '1 k', '10 k', '100 k']));

  it('have axes for values below one', () => assert.deepEqual(ticks(plot([{ x: 1, y: 0.03 }, { x: 2, y: 0.2 }]), 'end'), ['0.02', '0.05', '0.1', '0.2']));

  it('have a single point too', () => assert.equal(marks(plot([{ x: 5, y: 5 }])).length, 1));

  it('tell who cannot see them what they show, and take paper of either colour', () => {
    const svg = plot([{ x: 1, y: 1 }], '<b>"x"');
    for (const part of ['role="img" aria-labelledby="title desc"', '<title id="title">Cost &amp; memory</title>', '<desc id="desc">a &lt; b</desc>', '&lt;b&gt;&quot;x&quot;', 'prefers-color-scheme: dark']) assert.ok(svg.includes(part), part);
  });

  it('refuse what a logarithmic axis does not have', () => {
    assert.throws(() => plot([{ x: 0, y: 1 }]), /positive/u);
    assert.throws(() => plot([{ x: 1, y: Number.NaN }]), /positive/u);
    assert.throws(() => plot([]), /nothing to plot/u);
  });
});
