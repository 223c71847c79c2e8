/** `npm run chaos -- --minutes N --seed S [--calls N] [--mode between-messages] [--only FAULT]`: exits with 1 on a violation. */
import { parseArgs } from 'node:util';
import { report } from './report.ts';
import { type Mode, run } from './run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    calls: { type: 'string' },
    mode: { type: 'string', default: 'mixed' },
    only: { type: 'string' },
    'calls-per-fault': { type: 'string', default: '50' },
  },
});
if (!['mixed', 'between-messages'].includes(values.mode)) throw new Error(`no such mode: ${values.mode}`);
const minutes = values.minutes ?? (values.calls === undefined ? '1' : undefined);
const plan = {
  seed: Number(values.seed),
  mode: values.mode as Mode,
  callsPerFault: Number(values['calls-per-fault']),
  ...(values.only === undefined ? {} : { only: values.only }),
  ...(minutes === undefined ? {} : { minutes: Number(minutes) }),
  ...(values.calls === undefined ? {} : { calls: Number(values.calls) }),
};
const result = await run(plan);
console.log(report(plan, result));
process.exit(result.violations.length > 0 ? 1 : 0); // a stream that never ends keeps nobody waiting
