/** A plot as SVG: both axes logarithmic, a line for each metric in milliseconds, its name at its end. */
import { type Measured, millis } from './series.ts';

const WIDTH = 760;
const HEIGHT = 420;
const PLOT = { left: 64, right: 500, top: 24, bottom: 372 };
const LINE_HEIGHT = 15;
const COLOURS = ['#0b6bcb', '#c2410c', '#15803d', '#9333ea', '#b91c1c', '#0e7490', '#a16207', '#475569'];
const DASHES = ['', '6 3', '2 3'];

export function plot({ title, points, metrics }: Measured): string {
  const counts = points.map(({ count }) => count);
  const lines = Object.entries(metrics)
    .filter(([, { unit }]) => unit === 'ms')
    .map(([key, { label }]) => ({ label, values: points.map(({ values }) => values[key] ?? null) }))
    .filter(({ values }) => values.some((value) => value !== null));
  const all = lines.flatMap(({ values }) => values.filter((value) => value !== null));
  const x = scale(Math.min(...counts), Math.max(...counts), PLOT.left, PLOT.right);
  const [low, high] = [decade(Math.min(...all), Math.floor), decade(Math.max(...all), Math.ceil)];
  const y = scale(low, Math.max(high, low * 10), PLOT.bottom, PLOT.top);
  const ends = lines.map(({ values }) => y(values.findLast((value) => value !== null)!));
  const places = apart(ends);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui,sans-serif" font-size="12">`,
    `<title>${escaped(title)}: time against number</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" rx="6" fill="#fff"/>`,
    ...decades(low, Math.max(high, low * 10)).map((value) => across(y(value), millis(value))),
    ...counts.map((count) => upright(x(count), count.toLocaleString('en'))),
    `<text x="${(PLOT.left + PLOT.right) / 2}" y="${HEIGHT - 10}" text-anchor="middle" fill="#1b1f27">${escaped(title)}</text>`,
    ...lines.flatMap((line, n) => {
      const dots = line.values.flatMap((value, at) => (value === null ? [] : [[x(counts[at]!), y(value)]]));
      return drawn(
        line.label,
        dots,
        places[n]!,
        COLOURS[n % COLOURS.length]!,
        DASHES[Math.floor(n / COLOURS.length)]!,
      );
    }),
    '</svg>',
    '',
  ].join('\n');
}

/** A logarithmic axis. */
function scale(low: number, high: number, from: number, to: number): (value: number) => number {
  return (value) =>
    Math.round((from + ((to - from) * Math.log(value / low)) / Math.log(high / low)) * 10) / 10;
}

function decade(value: number, round: (exponent: number) => number): number {
  return 10 ** round(Math.log10(value));
}

function decades(low: number, high: number): number[] {
  const count = Math.round(Math.log10(high / low)) + 1;
  return Array.from({ length: count }, (_, n) => low * 10 ** n);
}

function across(y: number, label: string): string {
  return `<path d="M${PLOT.left} ${y}H${PLOT.right}" stroke="#dfe3e8"/><text x="${PLOT.left - 8}" y="${y + 4}" text-anchor="end" fill="#555d6b">${label}</text>`;
}

function upright(x: number, label: string): string {
  return `<path d="M${x} ${PLOT.top}V${PLOT.bottom}" stroke="#dfe3e8"/><text x="${x}" y="${PLOT.bottom + 18}" text-anchor="middle" fill="#555d6b">${label}</text>`;
}

function drawn(label: string, dots: number[][], labelY: number, colour: string, dash: string): string[] {
  const [endX, endY] = dots.at(-1)!;
  return [
    `<path d="M${dots.map((dot) => dot.join(' ')).join('L')}" fill="none" stroke="${colour}" stroke-width="2"${dash && ` stroke-dasharray="${dash}"`}/>`,
    ...dots.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`),
    `<path d="M${endX! + 4} ${endY}L${PLOT.right + 22} ${labelY}" fill="none" stroke="${colour}" stroke-opacity=".4"/>`,
    `<text x="${PLOT.right + 26}" y="${labelY + 4}" fill="${colour}">${escaped(label)}</text>`,
  ];
}

/** Moved so far that none lies over another, in the same order. */
function apart(ends: readonly number[]): number[] {
  const order = ends.map((_, n) => n).sort((a, b) => ends[a]! - ends[b]!);
  const places = [...ends];
  let above = PLOT.top - LINE_HEIGHT;
  for (const n of order) above = places[n] = Math.max(ends[n]!, above + LINE_HEIGHT);
  let below = PLOT.bottom + LINE_HEIGHT;
  for (const n of order.reverse()) below = places[n] = Math.min(places[n]!, below - LINE_HEIGHT);
  return places;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
