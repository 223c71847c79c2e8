/** The flags of the bench; each measurement is a process of its own and gets the same ones. */
import { parseArgs } from 'node:util';

export const PARTS = ['stdio', 'http', 'reboot', 'handover', 'sessions', 'tasks', 'watch'] as const;
export type Part = (typeof PARTS)[number];

const parsed = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    peers: { type: 'boolean', default: false },
    source: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
    /** Where the peers were installed: from main.ts to bench/http.ts. */
    'peers-in': { type: 'string' },
  },
});

export const options = parsed.values;
/** As they were given, to hand them on. */
export const flags = process.argv.slice(2);

/** The one where it must be quick, the other where it may take its time. */
export const sized = <T>(quick: T, whole: T): T => (options.quick ? quick : whole);

/** When a process is idle: what is loaded after the first answers is loaded then, and V8 has collected its garbage. */
export const IDLE_MS = sized(2_000, 150_000);
