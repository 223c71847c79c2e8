/** What runs, and what those that died have left: databases, rows, sockets, servers. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { connectAdmin } from '../control/admin-client.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import { adminSocketPath, databaseFile, stateDirectory, stateHome } from '../state/directory.ts';
import { listInstances, listNames } from '../state/instances.ts';
import { checkIntegrity } from '../state/integrity.ts';
import { markedProcesses } from '../state/orphans.ts';
import { findStrays } from '../state/strays.ts';
import { MARKER } from '../worker/environment.ts';
import { type Examine, type Finding, failure, messageOf, ok, type Surroundings, warning } from './check.ts';

const EPOCH_FILE = /^segue\.\d+\.db$/;

/** Of each name: can it be read by this version, is it sound, and is there one of another epoch beside it. */
export const databases: Examine = async (surroundings) => {
  const names = await listNames(surroundings.environment);
  if (names.length === 0) return [ok('database', 'there is none yet')];
  return (await Promise.all(names.map((name) => database(name, surroundings)))).flat();
};

async function database(name: string, { env, environment }: Surroundings): Promise<Finding[]> {
  const check = `database ${name}`;
  const directory = stateDirectory(name, environment);
  const file = databaseFile(directory);
  const others = (await readdir(directory)).filter(
    (each) => EPOCH_FILE.test(each) && each !== basename(file),
  );
  const findings = others.map((other) =>
    warning(check, `${other} is of another epoch of Segue`, 'do not use two epochs of Segue under one name'),
  );
  const restore = `segue restore-db --name ${name} FILE puts a backup in its place; else the next start saves what it can`;
  const { result, damaged } = await checkIntegrity(file, env, AbortSignal.timeout(60_000));
  if (damaged) return [...findings, failure(check, `${file} is damaged: ${result}`, restore)];
  try {
    const { connectReadOnly } = await import('../../db/database.ts');
    connectReadOnly(file).close();
  } catch (error) {
    const tooNew = error instanceof SegueError && error.code === 'STATE_CORRUPTION';
    const finding = tooNew
      ? failure(check, messageOf(error), 'start that version of Segue, or choose another --name')
      : warning(check, messageOf(error), 'the next start brings it to this version, or waits for the lock');
    return [...findings, finding];
  }
  return [...findings, result === 'ok' ? ok(check, file) : warning(check, result, 'try again')];
}

/** Rows of instances that have not ended: do they live, do they answer. Sockets that nobody serves. */
export const instances: Examine = async ({ env, environment }) => {
  const all = await listInstances(environment, () => {}, env); // what cannot be read, `databases` has told
  const findings = await Promise.all(
    all.map(async ({ name, pid, alive, socketPath }) => {
      const check = `instance ${name}`;
      const advice = `the next start of ${name} clears up after it`;
      if (!alive) return warning(check, `pid ${pid} died without a word`, advice);
      if (await answers(socketPath)) return ok(check, `pid ${pid} answers`);
      return warning(
        check,
        `pid ${pid} lives, but does not answer at ${socketPath}`,
        `look at it: kill ${pid} ends it`,
      );
    }),
  );
  const known = new Set(all.map(({ socketPath }) => socketPath));
  const stale = (await sockets(environment)).filter((path) => !known.has(path));
  for (const path of stale)
    if (!(await answers(path))) findings.push(warning('socket', `nobody listens at ${path}`, `rm ${path}`));
  return findings.length === 0 ? [ok('instances', 'none runs, none is left')] : findings;
};

async function sockets(environment: Surroundings['environment']): Promise<string[]> {
  try {
    const directory = dirname(adminSocketPath('', environment));
    return (await readdir(directory))
      .filter((file) => file.endsWith('.sock'))
      .map((file) => join(directory, file));
  } catch {
    return []; // too long, or none yet: `runtimeDirectory` has told
  }
}

async function answers(socketPath: string): Promise<boolean> {
  try {
    const client = await connectAdmin(socketPath);
    await client.request('info').finally(() => client.close());
    return true;
  } catch {
    return false;
  }
}

/** Servers whose Segue is dead. */
export const orphans: Examine = async ({ env, environment }) => {
  const found = await Promise.all(
    (await listNames(environment)).map((name) => orphansOf(name, env, environment)),
  );
  return found.flat().length === 0 ? [ok('orphans', `none below ${stateHome(environment)}`)] : found.flat();
};

async function orphansOf(
  name: string,
  env: Env,
  environment: Surroundings['environment'],
): Promise<Finding[]> {
  const directory = stateDirectory(name, environment);
  try {
    const { connectReadOnly } = await import('../../db/database.ts');
    const db = connectReadOnly(databaseFile(directory));
    const strays = await findStrays(env, db, directory).finally(() => db.close());
    const marks = strays.map(({ instance, generation }) => `${MARKER}=${instance}/${generation}\0`);
    const pids = (await markedProcesses(env, marks)).map(({ pid }) => pid);
    if (pids.length === 0) return [];
    const advice = `the next start of ${name} ends them; or now: kill ${pids.join(' ')}`;
    return [
      warning('orphans', `servers of ${name} whose Segue is dead still run: ${pids.join(', ')}`, advice),
    ];
  } catch {
    return []; // a database that cannot be read: `databases` has told
  }
}
