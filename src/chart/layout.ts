/** Where everything of a drawn statechart lies, in pixels from the top left. Made by `npm run chart`. */
import layouts from './layouts.json' with { type: 'json' };

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Layout {
  width: number;
  height: number;
  /** By `GraphState.path`. */
  states: Record<string, Box>;
  /** By `from to`: the corners of the line as x, y, x, y …, and where its labels lie. */
  edges: Record<string, { points: number[]; label: Box | null }>;
}

export const CHART_NAMES = ['reboot', 'task', 'fleet'] as const;
export type ChartName = (typeof CHART_NAMES)[number];

export const layoutOf = (name: ChartName): Layout => (layouts as Record<ChartName, Layout>)[name];

/** What the layout reckons with and the drawing keeps to. */
export const TEXT = { stateWidth: 7.4, labelWidth: 5.8, lineHeight: 13, titleHeight: 24 } as const;
