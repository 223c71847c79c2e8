/** `segue statechart`: the machines that run here, for people, programs, documents and editors. Needs nothing to run. */
import { chartOf } from '../../machines/chart.ts';
import type { ChartName } from '../chart/layout.ts';
import { MACHINES } from '../chart/machines.ts';
import { statechartMermaid } from '../chart/mermaid.ts';
import { statechartSvg } from '../chart/svg.ts';
import type { Terminal } from './terminal.ts';

const FORMATS = {
  /** What reboot://statechart says. */
  json: (name: ChartName) => JSON.stringify(chartOf(MACHINES[name]), null, 2),
  mermaid: (name: ChartName) => statechartMermaid(name).trimEnd(),
  /** One file, dark or light as its viewer is. */
  svg: (name: ChartName) => statechartSvg(name, { style: true }).trimEnd(),
  /** What XState's createMachine and Stately's editor take. Functions are not in it: they are named. */
  xstate: (name: ChartName) => JSON.stringify(MACHINES[name].config, null, 2),
} as const;

export interface StatechartOptions {
  format: keyof typeof FORMATS;
  machine: ChartName;
  json?: boolean;
}

export function statechart(terminal: Terminal, { format, machine, json }: StatechartOptions): number {
  terminal.out(FORMATS[json ? 'json' : format](machine));
  return 0;
}
