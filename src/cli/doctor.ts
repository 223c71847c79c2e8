/** `segue doctor [-- <command> [args…]]`: is this machine, and this server, fit for Segue. */
import { statfs } from 'node:fs/promises';
import type { Finding } from '../doctor/check.ts';
import { systemEnv } from '../env.ts';
import { counted } from './format.ts';
import { plainJson, plainLine } from './plain.ts';
import { flagLayer, type RunOptions } from './run.ts';
import type { Colors, Terminal } from './terminal.ts';

export interface DoctorOptions extends RunOptions {
  json?: boolean;
}

/** 1 where there is a failure; warnings are none. */
export async function doctor(
  terminal: Terminal,
  { json, config: file, ...options }: DoctorOptions,
  command: readonly string[] | undefined,
): Promise<number> {
  const { diagnose } = await import('../doctor/diagnose.ts');
  const { environment, cwd } = terminal;
  const surroundings = {
    env: systemEnv,
    ...{ environment, cwd },
    nodeVersion: process.versions.node,
    freeBytes: async (path: string) => {
      const { bavail, bsize } = await statfs(path);
      return bavail * bsize;
    },
  };
  const findings = await diagnose(surroundings, { file, flags: await flagLayer(options, command) });
  const { createColors } = await import('picocolors');
  terminal.out(json ? plainJson(findings) : findingsText(findings, createColors(terminal.coloured)));
  return findings.some(({ status }) => status === 'failure') ? 1 : 0;
}

const NAME_WIDTH = 18;

export function findingsText(findings: readonly Finding[], colors: Colors): string {
  const marks = {
    ok: colors.green('ok      '),
    warning: colors.yellow('warning '),
    failure: colors.red('FAILURE '),
  };
  const lines = findings.flatMap(({ check, status, detail, advice }) => [
    `${marks[status]} ${plainLine(check).padEnd(NAME_WIDTH)} ${plainLine(detail, 500)}`,
    ...(advice === undefined ? [] : [`${' '.repeat(10 + NAME_WIDTH)}→ ${plainLine(advice, 500)}`]),
  ]);
  const count = (wanted: Finding['status']) => findings.filter(({ status }) => status === wanted).length;
  const [failures, warnings] = [count('failure'), count('warning')];
  const sum =
    failures + warnings === 0
      ? 'nothing is wrong'
      : `${counted(failures, 'failure')}, ${counted(warnings, 'warning')}`;
  return [...lines, sum].join('\n');
}
